"""Conversations in the forms that data sets have, and rows that are none."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pydantic import ValidationError

from midtrain_dagster.collection.messages import MOST_MESSAGES, Messages, conversation_of
from midtrain_dagster.collection.record import Document, Rejection
from midtrain_dagster.collection.row_values import value_at
from midtrain_dagster.tokens.transcript import FORMAT, LAYOUT, restored

PLAIN = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


def read(row: dict[str, Any], **section: str) -> Document | Rejection:
    fields = Messages.model_validate(section or {"turns": "messages"})
    return conversation_of(fields, "a:1", partial(value_at, row), known=row, metadata={"n": 1})


def said(row: dict[str, Any], **section: str) -> dict[str, Any]:
    document = read(row, **section)
    assert isinstance(document, Document), document
    assert document.format == FORMAT
    assert document.metadata["n"] == 1
    return restored(document.text, document.metadata[LAYOUT])


@pytest.mark.parametrize(
    "section, row",
    [
        ({}, {"messages": PLAIN}),
        ({}, {"messages": json.dumps(PLAIN)}),
        ({"turns": "a.b"}, {"a": {"b": PLAIN}}),
        (
            {"turns": "c"},
            {"c": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]},
        ),
        ({"prompt": "p", "completion": "c"}, {"p": "Hi", "c": "Hello"}),
        ({"prompt": "p", "completion": "c"}, {"p": PLAIN[:1], "c": PLAIN[1:]}),
        ({"instruction": "i", "output": "o", "input": "x"}, {"i": "Hi", "x": "", "o": "Hello"}),
        ({"instruction": "i", "output": "o", "input": "x"}, {"i": "Hi", "o": "Hello"}),
    ],
)
def test_forms_of_a_conversation(section: dict[str, str], row: dict[str, Any]) -> None:
    assert said(row, **section) == {"messages": PLAIN}


def test_an_input_stands_below_its_instruction_and_a_system_prompt_before_all() -> None:
    section = {"instruction": "i", "output": "o", "input": "x", "system": "s"}
    row = {"i": "Sum up.", "x": "A\r\nlong\0 story.", "o": "Long.", "s": "Be brief."}
    assert [each["content"] for each in said(row, **section)["messages"]] == [
        *("Be brief.", "Sum up.\n\nA\nlong story.", "Long.")
    ]


def test_parts_calls_and_results_of_tools_are_those_of_openai() -> None:
    arguments = '{"word": "otter"}'
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "Look "}, "it up."]},
        {
            "role": "assistant",
            "content": None,
            "reasoning": "Hm.",
            "tool_calls": [
                {"id": "c1", "function": {"name": "f", "arguments": arguments}},
                {"id": "c2", "function": {"name": "f", "arguments": "no object"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "name": "f", "content": {"found": 3}},
        {"role": "assistant", "content": "Three."},
    ]
    calls = [
        {
            "id": name,
            "type": "function",
            "function": {"name": "f", "arguments": given},
        }
        for name, given in (("c1", {"word": "otter"}), ("c2", "no object"))
    ]
    wanted = [
        {"role": "user", "content": "Look it up."},
        {"role": "assistant", "content": "", "reasoning_content": "Hm.", "tool_calls": calls},
        {"role": "tool", "content": '{"found": 3}', "name": "f", "tool_call_id": "c1"},
        {"role": "assistant", "content": "Three."},
    ]
    tools = [{"type": "function", "function": {"name": "f"}}]
    section = {"turns": "messages", "tools": "tools"}
    for given in (tools, json.dumps(tools)):
        found = said({"messages": messages, "tools": given}, **section)
        assert found == {"messages": wanted, "tools": tools}
    assert "tools" not in said({"messages": messages, "tools": []}, **section)
    # The same as Anthropic and ShareGPT have it.
    anthropic = [
        messages[0],
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm."},
                {"type": "tool_use", "id": "c1", "name": "f", "input": {"word": "otter"}},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": '{"found": 3}'}],
        },
        messages[3],
    ]
    wanted[1]["tool_calls"] = calls[:1]
    del wanted[2]["name"]
    assert said({"messages": anthropic}) == {"messages": wanted}
    sharegpt = [
        {"from": "human", "value": "Look it up."},
        {"from": "function_call", "value": json.dumps({"name": "f", "arguments": {"word": "x"}})},
        {"from": "observation", "value": "3"},
        {"from": "gpt", "value": "Three."},
    ]
    found = said({"messages": sharegpt})["messages"]
    assert [each["role"] for each in found] == ["user", "assistant", "tool", "assistant"]
    assert found[1]["tool_calls"][0]["function"] == {"name": "f", "arguments": {"word": "x"}}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"x": value}
    return value


@pytest.mark.parametrize(
    "messages, reason, detail",
    [
        (None, "not_messages", "'messages' holds a NoneType"),
        ("Hi", "not_messages", "is a string, and no JSON"),
        ([3], "not_messages", "message 0: a int"),
        ([{"role": "alien", "content": ""}], "not_messages", "the role 'alien' is none of system"),
        ([{"role": ["user"], "content": ""}], "not_messages", "the role"),
        ([{"role": "user", "content": 3}], "not_messages", "its content is a int"),
        (
            [{"role": "user", "content": [{"type": "image", "image": "x"}]}],
            "not_messages",
            "of the type 'image'; only text",
        ),
        (
            [*PLAIN, {"role": "assistant", "tool_calls": [{"id": "x"}]}],
            "not_messages",
            "message 2: a tool call without the name",
        ),
        (
            [{"role": "assistant", "tool_calls": [{"name": "f", "arguments": nested(3000)}]}],
            "not_messages",
            "nested too deeply",
        ),
        (PLAIN[:1], "unanswered", "no message of an assistant"),
        ([], "unanswered", "no message of an assistant"),
        (PLAIN * MOST_MESSAGES, "too_large", "2000 messages"),
    ],
)
def test_rows_that_are_no_conversation(messages: Any, reason: str, detail: str) -> None:
    rejection = read({"messages": messages})
    assert isinstance(rejection, Rejection)
    assert (rejection.locator, rejection.reason) == ("a:1", reason)
    assert detail in rejection.detail


def test_a_row_without_the_key_lists_those_that_are_there() -> None:
    rejection = read({"conversations": PLAIN})
    assert rejection == Rejection(
        "a:1", "missing_key", "no key 'messages'; there are ['conversations']"
    )
    tools = read({"messages": PLAIN, "tools": "[3]"}, turns="messages", tools="tools")
    assert isinstance(tools, Rejection)
    assert "no list of JSON objects" in tools.detail


@pytest.mark.parametrize(
    "section",
    [{}, {"prompt": "p"}, {"turns": "t", "prompt": "p", "completion": "c"}, {"tools": "t"}],
)
def test_one_form_is_given(section: dict[str, str], source: Callable[..., Any]) -> None:
    with pytest.raises(ValidationError, match="give one of three forms"):
        source(reader="json_lines", paths=["a"], messages=section)
    with pytest.raises(ValidationError, match="`input` goes with"):
        source(reader="json_lines", paths=["a"], messages={"turns": "t", "input": "i"})
