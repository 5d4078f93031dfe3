"""Conversations in rows: lists of messages in the forms that data sets have, as one form.

- ``turns``: a column of messages, each with ``role`` and ``content`` (OpenAI's form: text or a list
  of typed parts, ``tool_calls``, ``name``; Anthropic's parts for tools too), or with ``from`` and
  ``value`` (ShareGPT's). A column that holds them as a string of JSON is parsed.
- ``prompt`` and ``completion``: two columns, each a text or a list of messages.
- ``instruction``, ``input`` and ``output``: Alpaca's columns; an input that is there stands below
  the instruction.

What comes out is a document whose text is a transcript (``tokens.transcript``), rendered by the
tokenizer's chat template when token shards are made. A row that is no conversation is rejected.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import Field, model_validator

from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.collection.row_values import MISSING
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.tokens import transcript as transcripts
from midtrain_dagster.tokens.transcript import FORMAT, LAYOUT, Conversation, transcript

VERSION = 1
USES = (transcripts,)

MOST_MESSAGES = 1000
"""In a conversation. A template without generation marks is rendered once for each turn, which
costs the square of their number."""

ROLES = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "tool": "tool",
    "function": "tool",
    "ipython": "tool",
    "observation": "tool",
    "function_response": "tool",
}
"""The roles of the data sets, and what chat templates call them."""

_FORMS = (("turns",), ("prompt", "completion"), ("instruction", "output"))


class Messages(FrozenModel):
    """Which columns or keys hold a conversation, in one of three forms."""

    turns: str | None = Field(None, description="A list of messages; ShareGPT's is `conversations`")
    prompt: str | None = Field(None, description="The prompt: text, or a list of messages")
    completion: str | None = Field(None, description="The answer to it, likewise")
    instruction: str | None = Field(None, description="The instruction")
    input: str | None = Field(None, description="What stands below the instruction, if anything")
    output: str | None = Field(None, description="The answer to the instruction")
    system: str | None = Field(None, description="A system prompt that goes before, if any")
    tools: str | None = Field(None, description="JSON schemas of the tools, if any")

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        given = {name for form in _FORMS for name in form if getattr(self, name) is not None}
        if given not in [set(form) for form in _FORMS]:
            raise ValueError(
                "give one of three forms: `turns`, `prompt` with `completion`, or `instruction` "
                "with `output` (and `input`)"
            )
        if self.input is not None and self.instruction is None:
            raise ValueError("`input` goes with `instruction` and `output`")
        return self

    @property
    def required(self) -> list[str]:
        """The columns or keys that every row has to have."""
        named = (self.turns, self.prompt, self.completion, self.instruction, self.output)
        return [key for key in named if key is not None]

    @property
    def optional(self) -> list[str]:
        """Those that it may lack."""
        return [key for key in (self.input, self.system, self.tools) if key is not None]


class NoConversationError(ValueError):
    """A row's values make none; the message says why."""


def conversation_of(
    section: Messages,
    locator: str,
    row: Callable[[str], Any],
    *,
    known: Iterable[str],
    metadata: Mapping[str, Any],
) -> Record:
    """The conversation of a row as a document with this metadata, or why there is none.

    ``row`` gives the value of a key, ``MISSING`` for one that is not there; ``known`` are those
    that are.
    """
    for key in section.required:
        if row(key) is MISSING:
            detail = f"no key {key!r}; there are {list(known)}"
            return Rejection(locator, "missing_key", detail)
    try:
        conversation = _conversation(section, row)
    except NoConversationError as error:
        return Rejection(locator, "not_messages", str(error))
    except RecursionError:
        return Rejection(locator, "not_messages", "nested too deeply")
    messages = conversation["messages"]
    if len(messages) > MOST_MESSAGES:
        return Rejection(locator, "too_large", f"{len(messages)} messages")
    if not any(message["role"] == "assistant" for message in messages):
        return Rejection(locator, "unanswered", "no message of an assistant")
    return chat_document(locator, conversation, metadata)


def chat_document(
    locator: str, conversation: Conversation, metadata: Mapping[str, Any]
) -> Document:
    """A conversation as a document: its transcript, the layout of it in the metadata."""
    text, layout = transcript(conversation)
    return Document(locator, text, FORMAT, {**metadata, LAYOUT: layout})


def _conversation(section: Messages, row: Callable[[str], Any]) -> Conversation:
    def optional(key: str | None) -> Any:
        value = MISSING if key is None else row(key)
        return None if value is MISSING or value == "" else value

    messages: list[dict[str, Any]] = []
    if (system := optional(section.system)) is not None:
        messages.append({"role": "system", "content": _text(system, "the system prompt")})
    if section.turns is not None:
        messages += _messages(row(section.turns), section.turns)
    elif section.prompt is not None and section.completion is not None:
        messages += _turn(row(section.prompt), "user", section.prompt)
        messages += _turn(row(section.completion), "assistant", section.completion)
    elif section.instruction is not None and section.output is not None:
        asked = _text(row(section.instruction), section.instruction)
        if (given := optional(section.input)) is not None:
            asked = f"{asked}\n\n{_text(given, 'the input')}"
        messages.append({"role": "user", "content": asked})
        answer = _text(row(section.output), section.output)
        messages.append({"role": "assistant", "content": answer})
    conversation: Conversation = {"messages": messages}
    if (tools := optional(section.tools)) is not None:
        tools = _parsed(tools, "the tools")
        if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
            raise NoConversationError("the tools are no list of JSON objects")
        if tools:
            conversation["tools"] = _clean(tools)
    return conversation


def _turn(value: Any, role: str, key: str) -> Iterator[dict[str, Any]]:
    """A text as one message of ``role``; a list as the messages that it holds."""
    if isinstance(value, str):
        yield {"role": role, "content": repaired(value)}
    else:
        yield from _messages(value, key)


def _messages(value: Any, key: str) -> Iterator[dict[str, Any]]:
    value = _parsed(value, key)
    if not isinstance(value, list):
        raise NoConversationError(f"{key!r} holds a {type(value).__name__}, not a list of messages")
    for number, message in enumerate(value):
        try:
            yield from _message(message)
        except NoConversationError as error:
            raise NoConversationError(f"message {number}: {error}") from error


def _message(message: Any) -> Iterator[dict[str, Any]]:
    """The messages that one stands for: results of tools among its parts have one each."""
    if not isinstance(message, dict):
        raise NoConversationError(f"a {type(message).__name__}, not an object")
    named = message.get("role", message.get("from"))
    role = ROLES.get(named) if isinstance(named, str) else None
    if role is None:
        raise NoConversationError(f"the role {named!r} is none of {', '.join(ROLES)}")
    found = _Parts(role)
    found.calls += [_call(each) for each in _list(message.get("tool_calls"), "tool_calls")]
    if message.get("function_call"):
        found.calls.append(_call(message["function_call"]))
    content = message.get("content", message.get("value"))
    if named == "function_call":
        found.calls.append(_call(content))
    else:
        for part in content if isinstance(content, list) else [content]:
            found.add(part)
    found.reasoning += [message.get(key) for key in ("reasoning_content", "reasoning", "thinking")]
    yield from found.results
    made: dict[str, Any] = {"role": role, "content": repaired("".join(found.texts))}
    thought = dict.fromkeys(each for each in found.reasoning if isinstance(each, str) and each)
    if thought:
        made["reasoning_content"] = repaired("\n".join(thought))
    if message.get("name"):
        made["name"] = _text(message["name"], "name")
    if message.get("tool_call_id"):
        made["tool_call_id"] = str(message["tool_call_id"])
    if found.calls:
        made["tool_calls"] = found.calls
    if made["content"] or found.calls or thought or not found.results:
        yield made


@dataclass
class _Parts:
    """What the parts of a message of ``role`` hold, by what it becomes."""

    role: str
    texts: list[str] = field(default_factory=list)
    reasoning: list[Any] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)

    def add(self, part: Any) -> None:
        """Take one part: a text, or an object that says its type."""
        match part:
            case None:
                pass
            case str() | {"type": "text" | "input_text" | "output_text", "text": str()}:
                self.texts.append(part if isinstance(part, str) else part["text"])
            case {"type": "thinking" | "reasoning", **rest}:
                self.reasoning.append(rest.get("thinking") or rest.get("text"))
            case {"type": "tool_use", **rest}:
                self.calls.append(_call({"arguments": rest.get("input"), **rest}))
            case {"type": "tool_result", **rest}:
                (answer,) = _message({"role": "tool", "content": rest.get("content")})
                if rest.get("tool_use_id"):
                    answer["tool_call_id"] = str(rest["tool_use_id"])
                self.results.append(answer)
            case {"type": kind}:
                raise NoConversationError(f"a part of the type {kind!r}; only text is trained on")
            case dict() | list() if self.role == "tool":
                self.texts.append(json.dumps(_clean(part), ensure_ascii=False))
            case _:
                raise NoConversationError(f"its content is a {type(part).__name__}")


def _call(value: Any) -> dict[str, Any]:
    """A call of a tool: OpenAI's ``function``, or its name and arguments alone."""
    value = _parsed(value, "a tool call")
    function = value.get("function", value) if isinstance(value, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise NoConversationError("a tool call without the name of a function")
    arguments = function.get("arguments", function.get("parameters"))
    if isinstance(arguments, str):
        arguments = _object(arguments)
    arguments = {} if arguments is None else arguments
    if not isinstance(arguments, dict | str):
        raise NoConversationError(f"the arguments of {function['name']!r} are no object")
    cleaned = repaired(arguments) if isinstance(arguments, str) else _clean(arguments)
    call: dict[str, Any] = {"function": {"name": repaired(function["name"]), "arguments": cleaned}}
    return {"id": str(value["id"]), **call} if value.get("id") else call


def _object(text: str) -> Any:
    """The JSON object that a text is, or the text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict) else text


def _list(value: Any, name: str) -> list[Any]:
    value = [] if value is None else _parsed(value, name)
    if not isinstance(value, list):
        raise NoConversationError(f"{name} is a {type(value).__name__}, not a list")
    return value


def _parsed(value: Any, name: str) -> Any:
    """A value, read as JSON where it is a string."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise NoConversationError(f"{name} is a string, and no JSON: {error}") from error


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise NoConversationError(f"{name} is a {type(value).__name__}, not text")
    return repaired(value)


def _clean(value: Any) -> Any:
    """Plain JSON: a table's rows hold dates and bytes too, and NUL in their texts."""
    if isinstance(value, str):
        return repaired(value)
    if isinstance(value, dict):
        return {str(key): _clean(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)
