"""A call said in words, by rule: what a user asks for, and what the assistant answers.

The words are the tool's own description and the arguments' names and values, in one of a few
frames. That is stiff, and right: whatever the call is called with stands in the request.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.synthesis.tools.calling import Result
from midtrain_dagster.synthesis.tools.tool import Tool

VERSION = 1

_IMPERATIVES = (
    "add build calculate cancel check collapse combine compute convert count create decode delete "
    "describe divide draw encode escape estimate evaluate fetch find format get insert join list "
    "look make merge move normalize pad parse print quote read remove replace return round "
    "schedule search send set show sort split take tell transfer translate truncate update upload "
    "wrap write"
)
_VERBS = _IMPERATIVES.split()
_THIRD = {f"{verb}s": verb for verb in _VERBS} | {"searches": "search", "fetches": "fetch"}
_WORD = re.compile(r"[A-Za-z]+")

FRAMES = (
    "{Ask}, where {values}.",
    "I have this: {values}. {Ask}.",
    "Please {ask}. Here {values}.",
    "Given that {values}, {ask}.",
    "Could you {ask}? Take it that {values}.",
)
"""Of a tool with parameters."""

BARE = ("{Ask}.", "Please {ask}.", "Could you {ask}?")
"""Of a call without arguments."""


def asked(tool: Tool) -> str:
    """What the tool does, as something to be asked for: ``give me the sine of x``."""
    said = tool.description.strip().rstrip(".!")
    found = _WORD.match(said)
    first = found[0].lower() if found else ""
    rest = said[len(first) :].strip()
    verb = _THIRD.get(first, first)
    if verb == "return" and rest:
        return f"give me {rest}"
    if verb in _VERBS and rest:
        return f"{verb} {rest}"
    return f"use {tool.name} ({said})"


def spoken(value: Any) -> str:
    """A value in a sentence: a text in quotation marks, anything else as JSON."""
    if isinstance(value, str):
        return f'"{value}"'
    return json.dumps(value, ensure_ascii=False)


def values(arguments: Mapping[str, Any]) -> str:
    """Arguments in a sentence: ``x is 2 and y is 3``."""
    said = [f"{name} is {spoken(value)}" for name, value in arguments.items()]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


def request(tool: Tool, arguments: Mapping[str, Any], draw: Draw) -> str:
    """A sentence or two that ask for a call."""
    ask = asked(tool)
    if not arguments:
        return draw.one(BARE).format(ask=ask, Ask=_capital(ask))
    said = values(arguments)
    frame = draw.one(FRAMES)
    return frame.format(ask=ask, Ask=_capital(ask), values=said)


def together(requests: Sequence[str], draw: Draw) -> str:
    """Several requests as one."""
    if len(requests) == 1:
        return requests[0]
    if draw.below(2):
        return " ".join(f"({number}) {each}" for number, each in enumerate(requests, 1))
    return " ".join([requests[0], *(f"Then: {each}" for each in requests[1:])])


def answer(calls: Sequence[tuple[Tool, Result]], draw: Draw) -> str:
    """What came out, in the order of what was asked."""
    said = [_outcome(tool, result, draw) for tool, result in calls]
    if len(said) == 1:
        return said[0]
    return "\n".join(f"{number}. {each}" for number, each in enumerate(said, 1))


def _outcome(tool: Tool, result: Result, draw: Draw) -> str:
    if result.failed:
        return f"{tool.name} could not do that: {result.text}."
    text = f"\n{result.text}" if "\n" in result.text else f" {result.text}"
    return draw.one(("The result is:{}", "{name} gives:{}", "It is:{}")).format(
        text, name=tool.name
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
