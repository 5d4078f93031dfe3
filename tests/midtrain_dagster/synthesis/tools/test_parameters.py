from typing import Any

import pytest

from midtrain_dagster.synthesis.tools.parameters import SchemaError, fault, object_schema

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "pattern": "^(a+)+$"},
        "days": {"type": "integer", "minimum": 1},
        "unit": {"enum": ["C", "F"]},
    },
    "required": ["city"],
}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"city": "Oslo", "days": 3, "unit": "C"}, None),
        ({"city": "a" * 40 + "!"}, None),  # a stranger's pattern is not run
        ({}, "'city' is a required property"),
        ({"city": 7}, "city: 7 is not of type 'string'"),
        ({"city": "Oslo", "days": 0}, "days: 0 is less than the minimum of 1"),
        ({"city": "Oslo", "unit": "K"}, "unit: 'K' is not one of ['C', 'F']"),
        ({"city": "Oslo", "town": "Oslo", "x": 1}, "there is no parameter 'town', 'x'"),
        ([], "the arguments are a list, not an object"),
    ],
)
def test_fault_says_what_is_wrong(arguments: Any, said: str | None) -> None:
    assert fault(arguments, SCHEMA) == said


def test_references_are_followed_in_the_document_alone() -> None:
    document = {
        "$defs": {"a/b": {"type": "string"}},
        "properties": {"it": {"$ref": "#/$defs/a~1b"}},
    }
    assert object_schema(document, document)["properties"] == {"it": {"type": "string"}}
    for reference, reason in (
        ("https://example.org/it.json", "refers_elsewhere"),
        ("#/$defs/c", "broken_reference"),
        (7, "refers_elsewhere"),
    ):
        with pytest.raises(SchemaError) as caught:
            object_schema({"properties": {"it": {"$ref": reference}}}, document)
        assert caught.value.reason == reason


def test_what_refers_to_itself_ends() -> None:
    document = {"properties": {"it": {"$ref": "#/properties/it"}}}
    with pytest.raises(SchemaError) as caught:
        object_schema(document, document)
    assert caught.value.reason == "nested"
