"""The rules one by one; docs/benchmarks.md says how they were held against BFCL's own checker."""

from typing import Any

import pytest

from midtrain_dagster.evaluation.allowed_calls import (
    VERSION,
    are_allowed,
    is_allowed,
    unknown_type,
)
from midtrain_dagster.evaluation.written_calls import Call


def described(type_: str, required: bool = True, **more: Any) -> dict[str, Any]:
    properties = {"x": {"type": type_, **more}}
    parameters = {"type": "dict", "properties": properties, "required": ["x"] if required else []}
    return {"f": {"name": "f", "parameters": parameters}}


def holds(functions: dict[str, Any], value: Any, allowed: list[Any]) -> bool:
    return is_allowed(Call("f", {"x": value}), functions, Call("f", {"x": allowed}))


TEXTS = {"items": {"type": "string"}}
FLOATS = {"items": {"type": "float"}}
DICTS = {"items": {"type": "dict"}}


@pytest.mark.parametrize(
    ("type_", "more", "allowed", "right", "wrong"),
    [
        ("integer", {}, [3, 4], [3, 4], [3.0, "3", True, None, 5, [3]]),
        ("float", {}, [3, 0.5], [3, 3.0, 0.5], ["3", 2.9, None]),
        ("boolean", {}, [True], [True], [1, "true", False]),
        ("string", {}, ["New York, NY"], ["new york ny", "NewYork-NY"], ["York", 3, None, ["x"]]),
        ("string", {}, ["it's"], ['It"s'], ["its"]),
        ("any", {}, ["a"], ["A"], [3]),
        ("array", TEXTS, [["A b", "c"]], [["ab", "C"]], [["c", "ab"], ["ab"], ("ab", "c"), "ab"]),
        ("array", TEXTS, [["a"], ""], [["a"], []], [["b"]]),
        ("array", FLOATS, [[1.5, 2]], [[1.5, 2.0]], [["1.5", 2.0], [1.5, 2], [2.0, 1.5]]),
        ("tuple", FLOATS, [[1.0, 2.0]], [(1.0, 2.0), [1.0, 2.0]], [(2.0, 1.0), 1.0]),
        (
            "dict",
            {},
            [{"a": ["U", ""], "b": [1]}],
            [{"a": "u", "b": 1}, {"b": 1}],
            [{"a": "u"}, {"b": 2}, {"b": 1, "c": 1}, [], "b"],
        ),
        (
            "array",
            DICTS,
            [[{"a": [1]}, {"a": [2]}]],
            [[{"a": 1}, {"a": 2}]],
            [[{"a": 2}, {"a": 1}], [{"a": 1}], [{"a": 1}, 2]],
        ),
        ("integer", {}, ["count"], ["count"], ["Count", 3]),
    ],
)
def test_a_value_is_right_where_its_type_and_a_value_are(
    type_: str, more: dict[str, Any], allowed: list[Any], right: list[Any], wrong: list[Any]
) -> None:
    assert VERSION == 1
    functions = described(type_, **more)
    assert [holds(functions, value, allowed) for value in right] == [True] * len(right)
    assert [value for value in wrong if holds(functions, value, allowed)] == []


def test_what_may_be_left_out_is_said_by_the_right_answer() -> None:
    functions, nothing = described("integer", required=False), Call("f", {})
    assert is_allowed(nothing, functions, Call("f", {"x": [1, ""]}))
    assert not is_allowed(nothing, functions, Call("f", {"x": [1]}))
    assert not is_allowed(nothing, described("integer"), Call("f", {"x": [1, ""]}))
    assert not is_allowed(Call("f", {"x": 1, "y": 2}), functions, Call("f", {"x": [1]}))
    assert not is_allowed(Call("g", {"x": 1}), functions, Call("f", {"x": [1]}))


def test_calls_may_stand_in_any_order_and_are_as_many() -> None:
    functions = described("integer")
    right = [Call("f", {"x": [1]}), Call("f", {"x": [2, 3]})]
    one, two = Call("f", {"x": 1}), Call("f", {"x": 2})
    assert are_allowed([two, one], functions, right)
    for wrong in ([one], [one, one], [two, two], [one, two, two], []):
        assert not are_allowed(wrong, functions, right)


def test_types_of_other_languages_are_told() -> None:
    assert unknown_type(described("HashMap")["f"]) == "HashMap"
    assert unknown_type(described("array", items={"type": "Long"})["f"]) == "Long"
    assert unknown_type(described("array", items={"type": "string"})["f"]) is None


def test_an_object_whose_values_are_no_lists_allows_nothing() -> None:
    assert not holds(described("dict"), {"a": 1}, [{"a": 1}])
    assert holds(described("dict"), {"a": 1}, [{"a": 1}, {"a": [1]}])
