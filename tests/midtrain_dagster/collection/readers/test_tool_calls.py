"""What a tool returned in a conversation is what the function returns."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from midtrain_dagster.collection.readers.tool_calls import (
    REFUSED,
    TOOLS,
    ToolCallsSource,
    _function,
)
from midtrain_dagster.collection.record import Document
from midtrain_dagster.tokens.transcript import LAYOUT, Conversation, restored


@pytest.fixture(scope="module")
def conversations() -> dict[str, Conversation]:
    section = ToolCallsSource(reader="tool_calls", domain="agent", kind="agent")
    return {
        document.locator: restored(document.text, document.metadata[LAYOUT])
        for file in section.list_files("calls", "/nowhere")
        for document in section.read(file, 1)
        if isinstance(document, Document)
    }


def test_tools_return_what_they_return(conversations: dict[str, Conversation]) -> None:
    tools = {tool.name: tool for tool in TOOLS}
    asked, refused = set(), 0
    for conversation in conversations.values():
        turns = conversation["messages"]
        for user, call, result, answer in zip(*(turns[n::4] for n in range(4)), strict=True):
            assert [m["role"] for m in (user, call, result, answer)] == [
                *("user", "assistant", "tool", "assistant")
            ]
            function = call["tool_calls"][0]["function"]
            arguments = function["arguments"]
            try:
                found = _function(tools[function["name"]])(*arguments.values())
            except ValueError as error:
                refused += 1
                assert result["content"] == f"{type(error).__name__}: {error}"
                assert answer["content"] == REFUSED.format(result=result["content"])
                continue
            said = found if isinstance(found, str) else json.dumps(found, default=str)
            assert result["content"] == said
            assert said in answer["content"]
            asked.add(function["name"])
        schemas = {each["function"]["name"] for each in conversation["tools"]}
        assert schemas == {m["tool_calls"][0]["function"]["name"] for m in turns[1::4]}
    assert asked == set(tools)
    assert refused


def test_another_look_finds_the_same_conversations(conversations: dict[str, Conversation]) -> None:
    section = ToolCallsSource(reader="tool_calls", domain="agent", kind="agent")
    (colours,) = (
        file for file in section.list_files("x", "/") if file.name == "stdlib/colorsys.py"
    )
    first = next(iter(section.read(colours, 1)))
    assert isinstance(first, Document)
    again = restored(first.text, first.metadata[LAYOUT])
    assert conversations["stdlib/colorsys.py:0"] == again
    # Change VERSION when this changes.
    assert again["messages"][0] == {
        "role": "user",
        "content": "What are hue, saturation and value of red 1.0, green 0.0, blue 0.5?",
    }


def test_a_source_of_calls_is_conversations_of_one_unit(
    collect: Callable[..., Any], tmp_path: Path
) -> None:
    collected = collect(reader="tool_calls", kind="agent", take=5)
    assert collected.documents.height == 5
    assert set(collected.documents["format"]) == {"chat"}
