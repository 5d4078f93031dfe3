from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError


def test_the_reader_decides_the_section(source: Callable[..., Any]) -> None:
    assert type(source(reader="warc", paths=["crawl/*.warc.gz"])).__name__ == "WarcSource"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"reader": "parquet", "paths": []}, "at least 1 item"),
        ({"reader": "parquet", "paths": [" "]}, "a path is empty"),
        ({"reader": "csv", "paths": ["a"]}, "does not match any of the expected tags"),
        ({"reader": "html", "paths": ["a"], "text": "body"}, "Extra inputs are not permitted"),
        ({"reader": "text", "paths": ["a"], "kind": "poetry"}, "'prose', 'code'"),
        ({"reader": "text", "paths": ["a"], "take": 0}, "greater than 0"),
        ({"reader": "python_installation", "harvest": "music"}, "'mathematics'"),
        ({"reader": "json_lines", "paths": ["a"], "text": "q", "template": "{q}"}, "not both"),
        ({"reader": "json_lines", "paths": ["a"], "template": "no key"}, "holds no key"),
        ({"reader": "json_lines", "paths": ["a"], "template": "{}"}, "holds no key"),
        ({"reader": "json_lines", "paths": ["a"], "template": "{a.__class__}"}, "only keys"),
        ({"reader": "json_lines", "paths": ["a"], "template": "{a[0]}"}, "only keys"),
        ({"reader": "json_lines", "paths": ["a"], "template": "{a!r}"}, "only keys"),
        ({"reader": "json_lines", "paths": ["a"], "template": "{a"}, "expected '}'"),
    ],
)
def test_a_mistake_is_found_when_the_recipe_is_loaded(
    source: Callable[..., Any], fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        source(**fields)


def test_what_pages_cannot_say(source: Callable[..., Any]) -> None:
    pages = {"reader": "json_lines", "paths": ["a"], "domain": "web", "kind": "prose", "take": 1}
    with pytest.raises(ValidationError, match="say take of the planted source"):
        source(reader="planted", benchmarks=["gsm8k"], pages=pages)


def test_planted_items_stay_where_they_are(source: Callable[..., Any]) -> None:
    pages = {"reader": "json_lines", "paths": ["a"], "domain": "web", "kind": "prose"}
    planted = {"reader": "planted", "benchmarks": ["gsm8k"]}
    with pytest.raises(ValidationError, match="repair would move them"):
        source(**planted, pages=pages, repair={"mojibake": True})
    for said in ({"repair": {"invisible": True}}, {"boilerplate": {}}):
        with pytest.raises(ValidationError, match="taken as they are"):
            source(**planted, pages={**pages, **said})


def test_template_keys(source: Callable[..., Any]) -> None:
    section = source(reader="json_lines", paths=["a"], template="{{Q}} {question}\nA {answer}")
    assert section.template_keys == ["question", "answer"]


def test_paths_are_no_cause(source: Callable[..., Any]) -> None:
    here, there = (source(reader="text", paths=[path], take=3) for path in ("a", "/b"))
    assert here.cause == there.cause
    assert here.cause["take"] == 3
    pages = {"reader": "json_lines", "domain": "web", "kind": "prose"}
    here, there = (
        source(reader="planted", benchmarks=["gsm8k"], pages={**pages, "paths": [path]})
        for path in ("a", "b")
    )
    assert here.cause == there.cause
    assert here.cause["pages"]["text"] == "text"
