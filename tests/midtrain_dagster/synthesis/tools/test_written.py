"""Calls as models of several makers write them."""

import pytest

from midtrain_dagster.synthesis.tools.calling import Call
from midtrain_dagster.synthesis.tools.written import BRACKETS, MOST_CALLS, Misspelt, read

F, G = Call("f", {"x": 1}), Call("g", {})


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ('[{"name": "f", "arguments": {"x": 1}}]', [F]),
        ('```json\n{"name": "f", "arguments": {"x": 1}}\n```', [F]),
        ('I call [the tool]:\n{"name": "f", "arguments": {"x": 1}}', [F]),
        ('{"name": "f", "parameters": {"x": 1}}', [F]),
        ('{"function": {"name": "f", "arguments": "{\\"x\\": 1}"}}', [F]),
        (
            '<tool_call>\n{"name": "f", "arguments": {"x": 1}}\n</tool_call>\n'
            '<tool_call>\n{"name": "g", "arguments": {}}\n</tool_call>',
            [F, G],
        ),
        ('{"name": "f", "arguments": {"x": 1}}\nResult: {"name": "g"}', [F]),
        ('[{"name": "f", "arguments": {"x": 1}}]\n{"name": "g"}', [F]),
    ],
)
def test_calls_are_read_in_the_shapes_of_models(text: str, calls: list[Call]) -> None:
    assert read(text) == calls


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("I would rather not.", "no_json"),
        ("[f(x=1)]", "no_json"),
        ("[" * 8_000, "no_json"),
        ("[ " * BRACKETS + '{"name": "f"}', "no_json"),
        ('{"name": "f", "arguments": "x = 1"}', "no_call"),
        ('{"name": "f", "arguments": [1]}', "no_call"),
        ('{"name": "f"}' * (MOST_CALLS + 1), "no_call"),
        ("[]", "no_call"),
    ],
)
def test_what_is_no_call_says_why(text: str, reason: str) -> None:
    said = read(text)
    assert isinstance(said, Misspelt)
    assert said.reason == reason
