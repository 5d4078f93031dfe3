from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError


def test_section_is_that_of_the_reader(source: Callable[..., Any]) -> None:
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
def test_sources_with_a_mistake_are_refused_when_the_recipe_is_loaded(
    source: Callable[..., Any], fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        source(**fields)
