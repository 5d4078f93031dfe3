"""A transcript gives its conversation back, and what is edited in one is edited in the other."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.tokens.transcript import LostTurnError, restored, transcript

CALL = {
    "id": "call1",
    "type": "function",
    "function": {"name": "mail", "arguments": {"to": "ann@kelp.org", "körper": ["hé", 1, None]}},
}
AGENT: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Write to Ann.", "name": "Bob"},
        {"role": "assistant", "content": "", "reasoning_content": "Who?", "tool_calls": [CALL]},
        {"role": "tool", "content": "Sent.", "tool_call_id": "call1"},
        {"role": "assistant", "content": "Done.\n\nAnd gone."},
    ],
    "tools": [{"type": "function", "function": {"name": "mail", "parameters": {}}}],
}
TEXT = """system: Be brief.

user Bob: Write to Ann.

assistant, thinking: Who?

assistant calls mail: {"to": "ann@kelp.org", "körper": ["hé", 1, null]}

tool: Sent.

assistant: Done.

And gone.

tools: [{"type": "function", "function": {"name": "mail", "parameters": {}}}]"""


def edit(text: str, what: str, replacement: str, until: str | None = None) -> dict[str, Any]:
    start = text.encode().index(what.encode())
    stop = text.encode().index((until or what).encode(), start) + len((until or what).encode())
    return {"start": start, "stop": stop, "replacement": replacement}


def contents(conversation: dict[str, Any]) -> list[str]:
    return [message["content"] for message in conversation["messages"]]


def test_a_transcript_is_read_by_people_and_gives_its_conversation_back() -> None:
    text, layout = transcript(AGENT)
    assert text == TEXT
    assert restored(text, layout) == AGENT


words = st.text(max_size=12)
calls = st.lists(
    st.fixed_dictionaries({"name": st.text(min_size=1, max_size=5), "arguments": st.just({"x": 1})})
)
messages = st.lists(
    st.builds(
        lambda role, content, made: {
            "role": role,
            "content": content,
            **(
                {"tool_calls": [{"type": "function", "function": each} for each in made]}
                if made
                else {}
            ),
        },
        st.sampled_from(["user", "assistant"]),
        words,
        calls,
    ),
    max_size=6,
).map(lambda some: [*some, {"role": "assistant", "content": "end"}])


@given(messages, st.data())
def test_an_edit_of_the_text_is_one_of_the_messages(
    said: list[dict[str, Any]], data: st.DataObject
) -> None:
    conversation = {"messages": said}
    text, layout = transcript(conversation)
    assert restored(text, layout) == conversation
    # What stands in the text twice is edited in one place only, so a mark is unique.
    number = data.draw(st.integers(0, len(said) - 1))
    marked = [{**each, "content": f"@{each['content']}"} for each in said]
    marked[number]["content"] += "MARK and more"
    text, layout = transcript({"messages": marked})
    found = restored(text, layout, [edit(text, "MARK", "<X>")])
    marked[number]["content"] = marked[number]["content"].replace("MARK", "<X>")
    assert found == {"messages": marked}


def test_a_placeholder_stands_in_arguments_names_and_tools_too() -> None:
    text, layout = transcript(AGENT)
    edits = [
        edit(text, "ann@kelp.org", "<EMAIL>"),
        edit(text, "Bob", "<NAME>"),
        edit(text, '"parameters"', '"none"'),
    ]
    found = restored(text, layout, edits)
    call = found["messages"][2]["tool_calls"][0]["function"]["arguments"]
    assert call == {"to": "<EMAIL>", "körper": ["hé", 1, None]}
    assert found["messages"][1]["name"] == "<NAME>"
    assert found["tools"][0]["function"] == {"name": "mail", "none": {}}


def test_a_cut_that_breaks_arguments_leaves_them_as_text() -> None:
    text, layout = transcript(AGENT)
    found = restored(text, layout, [edit(text, 'org", "', "")])
    arguments = found["messages"][2]["tool_calls"][0]["function"]["arguments"]
    assert arguments == '{"to": "ann@kelp.körper": ["hé", 1, null]}'
    with pytest.raises(LostTurnError, match="cut through its tools"):
        restored(text, layout, [edit(text, '[{"type', "")])


def test_an_edit_over_several_turns_is_made_in_each_and_replaced_once() -> None:
    text, layout = transcript(AGENT)
    found = restored(text, layout, [edit(text, "brief.", "<CUT>", until="Write to")])
    assert contents(found)[:2] == ["Be <CUT>", " Ann."]
    assert found["messages"][1]["role"] == "user"


def test_a_conversation_ends_before_a_turn_that_edits_emptied() -> None:
    text, layout = transcript(AGENT)
    found = restored(text, layout, [edit(text, "Be brief.", "")])
    assert [message["role"] for message in found["messages"]] == [
        *("user", "assistant", "tool", "assistant")
    ]
    found = restored(text, layout, [edit(text, "Sent.", "")])
    assert [message["role"] for message in found["messages"]] == ["system", "user", "assistant"]
    with pytest.raises(LostTurnError, match="no turn of an assistant"):
        restored(text, layout, [edit(text, "Write to Ann.", "")])
