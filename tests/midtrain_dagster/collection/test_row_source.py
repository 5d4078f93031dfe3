from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from midtrain_dagster.collection.messages import Messages
from midtrain_dagster.collection.read import versions
from midtrain_dagster.core.causes import canonical


def test_kept_names_are_their_own_but_for_url_and_date(source: Callable[..., Any]) -> None:
    section = source(reader="parquet", paths=["a"], keep=["uri", "n"], url="uri", date="seen")
    assert section.kept == {"uri": "uri", "n": "n", "url": "uri", "date": "seen"}
    assert source(reader="parquet", paths=["a"]).kept == {}


def test_block_needs_a_url(source: Callable[..., Any]) -> None:
    fields = {"reader": "json_lines", "paths": ["a"], "block": {"domains": ["kelp.org"]}}
    with pytest.raises(ValidationError, match="say in `url`"):
        source(**fields)
    assert source(**fields, keep=["url"]).block
    assert source(**fields, url="meta.link").block


def test_kinds_that_are_conversations_have_messages(source: Callable[..., Any]) -> None:
    fields = {"reader": "json_lines", "paths": ["a"]}
    for kind in ("instruction", "agent"):
        section = source(**fields, kind=kind)
        assert section.has_conversations
        assert section.messages == Messages(turns="messages")
        assert ("messages", "turns") in dict(section.columns)
        assert not source(**fields, kind=kind, text="story").has_conversations
        assert not source(**fields, kind=kind, template="{a}").has_conversations
    assert source(**fields, messages="turns").messages == Messages(turns="turns")


def test_messages_are_a_cause_where_they_are_said(source: Callable[..., Any]) -> None:
    fields = {"reader": "parquet", "paths": ["a"]}
    assert "messages" not in canonical(source(**fields))
    assert "messages" in canonical(source(**fields, messages="turns"))
    read, also = (set(versions(source(**fields, **more))) for more in ({}, {"messages": "a"}))
    assert also - read == {"collection.messages", "tokens.transcript", "tokens.edits"}


@pytest.mark.parametrize(
    "fields, reason",
    [
        ({"text": "a"}, "either `messages` or `text`"),
        ({"template": "{a}"}, "either `messages` or `template`"),
        ({"boilerplate": {}}, "removed from pages"),
        ({"format": "markdown"}, "that of a transcript"),
        ({"keep": ["messages"]}, "do not `keep`"),
    ],
)
def test_a_conversation_is_no_page(
    source: Callable[..., Any], fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        source(reader="json_lines", paths=["a"], messages="messages", **fields)
