from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError


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
