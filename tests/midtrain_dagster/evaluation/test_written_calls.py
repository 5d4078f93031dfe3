import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.evaluation.written_calls import VERSION, Call, json_calls, python_calls

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(-1e9, 1e9)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
NAMED = st.from_regex(r"[a-z]{2}(\.[a-z]{2})?x", fullmatch=True)
CALLS = st.lists(
    st.builds(Call, NAMED, st.dictionaries(st.from_regex("[a-z]{3}_", fullmatch=True), VALUES)),
    max_size=3,
)


@given(CALLS)
def test_calls_are_read_as_they_are_written(calls: list[Call]) -> None:
    assert VERSION == 1
    written = [
        f"{each.name}({', '.join(f'{k}={v!r}' for k, v in each.arguments.items())})"
        for each in calls
    ]
    assert python_calls(f"[{', '.join(written)}]") == calls
    named = [{"name": each.name, "arguments": each.arguments} for each in calls]
    assert json_calls(json.dumps(named)) == (calls or None)
    told = "\n".join(f"<tool_call>\n{json.dumps(each)}\n</tool_call>" for each in named)
    assert json_calls(f"I see.\n{told}") == (calls or None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-3", -3),
        ("+2.5", 2.5),
        ("60 * 24 - 1", 1439),
        ("10 ** 6", 10**6),
        ("7 // 2 % 2", 1),
        ("price", "price"),
        ("...", "..."),
        ("(1, 'a')", (1, "a")),
        ("{'a': [1]}", {"a": [1]}),
        ("date.today()", "date.today()"),
        ("days[0]", "days[0]"),
        ("f(a=1)", {"f": {"a": 1}}),
    ],
)
def test_an_argument_is_what_its_syntax_spells(text: str, value: Any) -> None:
    assert python_calls(f"g(x={text})") == [Call("g", {"x": value})]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "no call",
        "I would call f(a=1)",
        "[f(a=1), 3]",
        "f(a=1)[0]",
        "f(a=b.c)",
        "f(a=1 / 0)",
        "f(a=9 ** 99 ** 99)",
        "f(a=9 ** 9 ** 9 ** 9)",
        "f(a=1e300 * 1e300)",
        "f(a=not True)",
        "f(a=lambda: 1)",
        "f(a=__import__('os').system('touch /tmp/never'))[0]",
        "f(a={[]: 1})",
        "f(a={**b})",
        "f(a=" + "(" * 500 + "1" + ")" * 500 + ")",
        "f(a='" + "x" * 30_000 + "')",
        "f(a='\x00')",
    ],
)
def test_what_is_no_list_of_calls_is_none(text: str) -> None:
    assert not python_calls(text)


def test_an_import_is_a_text_and_is_not_run(tmp_path: Any) -> None:
    left = tmp_path / "left"
    (call,) = python_calls(f"f(a=open({str(left)!r}, 'w'), b=eval('1'))") or []
    assert call.arguments == {"a": f"open({str(left)!r}, 'w')", "b": "eval('1')"}
    assert not left.exists()


def test_positional_arguments_are_none_as_in_bfcl() -> None:
    assert python_calls("f(1, b=2)") == [Call("f", {"b": 2})]
    assert python_calls("```\nf(b=2)\n```") == [Call("f", {"b": 2})]


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ('{"name": "f", "parameters": {"a": 1}}', [Call("f", {"a": 1})]),
        ('[{"function": "f", "parameters": {}}]', [Call("f", {})]),
        (
            '{"type": "function", "function": {"name": "f", "arguments": "{\\"a\\": [2]}"}}',
            [Call("f", {"a": [2]})],
        ),
        ('{"answer": 3}', None),
        ('{"name": "f", "arguments": 3}', None),
        ('{"name": "f", "arguments": {"a": 1}', None),
        ("none at all", None),
        ("[" * 5000, None),
    ],
)
def test_calls_in_json_have_the_names_that_templates_give(text: str, calls: Any) -> None:
    assert json_calls(text) == calls
