"""A conversation as a transcript and back: what curation reads is what training learns.

Documents are text, because curation, deduplication and decontamination read text. The text of a
conversation is a transcript that a person can read, and its *layout* says at which bytes of it each
content, argument and tool stands. Nothing is stored twice, so an edit of the text (a placeholder
for personal data, a repetition that is cut) is an edit of the messages, and none can be bypassed.

A conversation is what ``apply_chat_template`` of transformers takes: ``messages``, each with a
``role`` and ``content``, and where there are some ``reasoning_content``, ``name``, ``tool_calls``
and ``tool_call_id``; and ``tools``, a list of JSON schemas.
"""

import json
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import polars as pl

from midtrain_dagster.tokens import edits as edits_of_text
from midtrain_dagster.tokens.edits import EDIT, apply_edits

VERSION = 1
USES = (edits_of_text,)

FORMAT: Literal["chat"] = "chat"
"""The ``format`` of a document whose text is a transcript."""

LAYOUT = "messages"
"""The key of its metadata that holds the layout."""

Conversation = dict[str, Any]
Layout = dict[str, Any]
"""A conversation with ``[start, stop]`` in bytes of the transcript in the place of its texts; a
tool call is flat: ``id``, ``name`` and ``arguments``."""

_INSTRUCTIONS = ("system", "developer")


class LostTurnError(ValueError):
    """Edits left no conversation; the message says what they took."""


def transcript(conversation: Conversation) -> tuple[str, Layout]:
    """The text of a conversation, and its layout.

    Blocks are separated by empty lines: each content behind its role, with the reasoning before it
    and the calls of tools behind it, and at the end the tools, as JSON.
    """
    page = _Page()
    layout: Layout = {"messages": [_written(page, each) for each in conversation["messages"]]}
    if conversation.get("tools"):
        page.block("tools: ")
        layout["tools"] = page.add(_json(conversation["tools"]))
    return page.text(), layout


def restored(
    text: str, layout: Layout, edits: Sequence[Mapping[str, Any]] | None = None
) -> Conversation:
    """The conversation of a transcript, with the edits of its text (``tokens.edits.EDIT``).

    An edit that reaches over several contents is made in each, its replacement stands in the first;
    what it takes of the roles between them changes nothing. A system message that edits emptied is
    left out, and the conversation ends before any other turn that they emptied. Arguments that are
    no JSON object any more are handed over as text.

    Raises ``LostTurnError`` where no assistant's turn is left, or the tools are no JSON any more.
    """
    data = text.encode("utf-8", "surrogatepass")
    read = _reader(data, [*_spans(layout)], edits) if edits else _plain(data)
    messages: list[dict[str, Any]] = []
    for message in layout["messages"]:
        if edits and _is_emptied(message, read):
            if message["role"] in _INSTRUCTIONS:
                continue
            break
        messages.append(_read_message(message, read))
    if not any(message["role"] == "assistant" for message in messages):
        raise LostTurnError("edits left no turn of an assistant")
    conversation: Conversation = {"messages": messages}
    if "tools" in layout:
        try:
            conversation["tools"] = json.loads(read(layout["tools"]))
        except ValueError as error:
            raise LostTurnError(f"edits cut through its tools: {error}") from error
    return conversation


Span = list[int]
Read = Callable[[Span], str]


class _Page:
    """A text that grows, and knows at which byte it is."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._bytes = 0

    def block(self, head: str) -> None:
        """Begin a block."""
        self.add(f"\n\n{head}" if self._pieces else head)

    def add(self, text: str) -> Span:
        """Write ``text``; returns where it stands."""
        start = self._bytes
        self._pieces.append(text)
        # Half a surrogate pair is refused where documents are checked.
        self._bytes += len(text.encode("utf-8", "surrogatepass"))
        return [start, self._bytes]

    def text(self) -> str:
        return "".join(self._pieces)


def _written(page: _Page, message: dict[str, Any]) -> dict[str, Any]:
    """Write a message; returns its layout."""
    role = message["role"]
    layout: dict[str, Any] = {"role": role}
    if "tool_call_id" in message:
        layout["tool_call_id"] = message["tool_call_id"]
    if message.get("reasoning_content"):
        page.block(f"{role}, thinking: ")
        layout["reasoning_content"] = page.add(message["reasoning_content"])
    calls = message.get("tool_calls") or []
    if message["content"] or not (calls or "reasoning_content" in layout):
        page.block(role)
        if message.get("name"):
            page.add(" ")
            layout["name"] = page.add(message["name"])
        page.add(": ")
        layout["content"] = page.add(message["content"])
    if calls:
        layout["tool_calls"] = [_written_call(page, role, call) for call in calls]
    return layout


def _written_call(page: _Page, role: str, call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    page.block(f"{role} calls ")
    layout: dict[str, Any] = {"name": page.add(function["name"])}
    page.add(": ")
    arguments = function["arguments"]
    layout["arguments"] = page.add(arguments if isinstance(arguments, str) else _json(arguments))
    return layout | ({"id": call["id"]} if "id" in call else {})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _spans(layout: Layout) -> Iterator[Span]:
    for message in layout["messages"]:
        for part in (message, *message.get("tool_calls", ())):
            for name in ("reasoning_content", "name", "content", "arguments"):
                if name in part:
                    yield part[name]
    if "tools" in layout:
        yield layout["tools"]


def _plain(data: bytes) -> Read:
    return lambda span: data[span[0] : span[1]].decode("utf-8", "surrogatepass")


def _reader(data: bytes, spans: list[Span], edits: Sequence[Mapping[str, Any]]) -> Read:
    """Reads spans as the edits leave them."""
    ordered = sorted(spans)
    stops = [stop for _, stop in ordered]
    inside: list[list[dict[str, Any]]] = [[] for _ in ordered]
    for edit in edits:
        replacement = edit["replacement"] or ""
        for number in range(bisect_left(stops, edit["start"]), len(ordered)):
            start, stop = ordered[number]
            if start > edit["stop"]:
                break
            first, last = max(edit["start"], start), min(edit["stop"], stop)
            # What only touches a span takes nothing of it; an insertion has no bytes to take.
            if first < last or edit["start"] == edit["stop"]:
                own = {"start": first - start, "stop": last - start, "replacement": replacement}
                inside[number].append(own)
                replacement = ""
    texts = pl.Series([_plain(data)(span) for span in ordered], dtype=pl.String)
    edited = apply_edits(texts, pl.Series(inside, dtype=pl.List(EDIT)))
    found = {tuple(span): text for span, text in zip(ordered, edited, strict=True)}
    return lambda span: found[span[0], span[1]]


def _is_emptied(message: dict[str, Any], read: Read) -> bool:
    """Whether a message had a content and has none any more, nor a call of a tool."""
    if message.get("tool_calls") or "content" not in message:
        return False
    start, stop = message["content"]
    return start < stop and not read(message["content"]).strip()


def _read_message(layout: dict[str, Any], read: Read) -> dict[str, Any]:
    message = {
        "role": layout["role"],
        "content": read(layout["content"]) if "content" in layout else "",
    }
    for name in ("reasoning_content", "name"):
        if name in layout:
            message[name] = read(layout[name])
    if "tool_calls" in layout:
        message["tool_calls"] = [_read_call(call, read) for call in layout["tool_calls"]]
    return message | ({"tool_call_id": layout["tool_call_id"]} if "tool_call_id" in layout else {})


def _read_call(layout: dict[str, Any], read: Read) -> dict[str, Any]:
    arguments: Any = read(layout["arguments"])
    try:
        loaded = json.loads(arguments)
    except (ValueError, RecursionError):
        loaded = None
    function = {
        "name": read(layout["name"]),
        "arguments": loaded if isinstance(loaded, dict) else arguments,
    }
    call = {"type": "function", "function": function}
    return ({"id": layout["id"]} if "id" in layout else {}) | call
