"""A task with tools as a conversation: what is asked, called, returned and answered.

The form is the one that ``apply_chat_template`` of transformers takes (``tokens.transcript``), so
the tokenizer's own template writes the tools, the calls and the results. The text of the document
is the transcript, and its layout stands in the metadata, as for conversations of a source.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from midtrain_dagster.synthesis import collector as collectors
from midtrain_dagster.synthesis.collector import Collector, FieldShown, Seed
from midtrain_dagster.synthesis.tools import tool as tools
from midtrain_dagster.synthesis.tools.calling import Call
from midtrain_dagster.synthesis.tools.tool import Tool
from midtrain_dagster.tokens import transcript as transcripts
from midtrain_dagster.tokens.transcript import FORMAT, LAYOUT, Conversation, transcript

VERSION = 1
USES = (collectors, tools, transcripts)

Message = dict[str, Any]


class Called(NamedTuple):
    """A call, and what the tool said to it; None: it was not executed."""

    call: Call
    result: str | None


class Script:
    """Messages one after the other, with ids of calls that count through the conversation."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._calls = 0

    def user(self, text: str) -> None:
        """What the user says."""
        self.messages.append({"role": "user", "content": text})

    def assistant(self, text: str) -> None:
        """What the assistant says without a call."""
        self.messages.append({"role": "assistant", "content": text})

    def calls(self, called: Sequence[Called], said: str = "") -> None:
        """Calls in one message, and their results, each in a message of its own."""
        told, results = [], []
        for call, result in called:
            identity = f"call_{self._calls}"
            self._calls += 1
            function = {"name": call.name, "arguments": call.arguments}
            told.append({"id": identity, "type": "function", "function": function})
            if result is not None:
                results.append(
                    {
                        "role": "tool",
                        "tool_call_id": identity,
                        "name": call.name,
                        "content": result,
                    }
                )
        self.messages.append({"role": "assistant", "content": said, "tool_calls": told})
        self.messages += results

    def conversation(self, offered: Iterable[Tool]) -> Conversation:
        """All of it, with the tools that the assistant may call."""
        return {"messages": self.messages, "tools": [tool.schema for tool in offered]}


def accept(
    collector: Collector,
    requests: str | Sequence[str],
    script: Script,
    offered: Sequence[Tool],
    *,
    form: str,
    generated: Sequence[str],
    scores: Mapping[str, float] | None = None,
    metadata: Mapping[str, Any],
) -> None:
    """Make a document of a conversation. ``generated`` are the user's texts that a model wrote."""
    text, layout = transcript(script.conversation(offered))
    called = [
        f"{call['function']['name']}({call['function']['arguments']})"
        for message in script.messages
        for call in message.get("tool_calls", ())
    ]
    shown = [
        FieldShown("Asked", message["content"], message["content"] in generated)
        for message in script.messages
        if message["role"] == "user"
    ]
    answers = [each["content"] for each in script.messages if each["content"]]
    collector.accept(
        requests,
        text,
        seeds=[Seed(name=tool.origin) for tool in offered if _is_called(tool, script)],
        shown=[
            *shown,
            FieldShown("Called", "\n".join(called), generated=False),
            FieldShown("In the end", answers[-1], generated=False),
        ],
        language="en",
        format=FORMAT,
        form=form,
        scores=scores,
        metadata={**metadata, LAYOUT: layout},
    )


def _is_called(tool: Tool, script: Script) -> bool:
    return any(
        call["function"]["name"] == tool.name
        for message in script.messages
        for call in message.get("tool_calls", ())
    )


def _example() -> Conversation:
    number = {"type": "number"}
    schema = {"type": "object", "properties": {"x": number}, "required": ["x"]}
    script = Script()
    script.user("What is the square root of 2.25, and that of 9?")
    roots = [Called(Call("math_sqrt", {"x": x}), str(x**0.5)) for x in (2.25, 9)]
    script.calls(roots)
    script.assistant("They are 1.5 and 3.")
    return script.conversation([Tool("math_sqrt", "The square root of x.", schema, "example")])


EXAMPLES: tuple[Conversation, ...] = (_example(),)
"""What a chat template is tried on before a run."""
