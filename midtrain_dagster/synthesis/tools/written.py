"""Requests and calls as a model writes them: the prompt's list of tools, and what is read of it.

A call is a JSON object with ``name`` and ``arguments`` (Llama 3: ``parameters``), as every format
of tool calls has it: alone, in an array, or several below each other, each in its ``<tool_call>``.
Arguments may be JSON in a string, as OpenAI's are. What stands around the JSON is passed over; what
is no call, or none of the tools that were offered, is a reason.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from midtrain_dagster.synthesis.tools import parameters
from midtrain_dagster.synthesis.tools.calling import Call
from midtrain_dagster.synthesis.tools.parameters import fault
from midtrain_dagster.synthesis.tools.tool import Tool

VERSION = 2
USES = (parameters,)

LONGEST = 8_000
"""Characters of a completion that are read."""

MOST_CALLS = 8

BRACKETS = 16
"""Where a text is tried for JSON: what stands before it may have brackets."""

_BETWEEN = re.compile(r"(?:[\s,;]|</?tool_call>|```(?:json)?)*")

Fault = Literal["no_json", "no_call", "wrong_count", "unknown_tool", "bad_arguments"]


class Misspelt(NamedTuple):
    """Why what a model wrote is no call of the tools."""

    reason: Fault
    error: str
    """As whoever runs the tools would say it."""


def listed(tool: Tool) -> str:
    """A tool on one line: ``math_comb(n: integer, k: integer) - Number of ways ..``; what may be
    left out has a question mark."""
    properties = tool.parameters.get("properties", {})
    told = [
        f"{name}{'' if name in tool.required else '?'}: {_type(schema)}"
        for name, schema in properties.items()
    ]
    return f"{tool.name}({', '.join(told)}) - {tool.description}"


def spelt(calls: Sequence[Call]) -> str:
    """Calls as JSON on one line."""
    told = [{"name": call.name, "arguments": dict(call.arguments)} for call in calls]
    return json.dumps(told, ensure_ascii=False)


def read(text: str) -> list[Call] | Misspelt:
    """The calls that a text begins to spell, at the first bracket that begins JSON."""
    text = text[:LONGEST]
    begins = [at.start() for at in re.finditer(r"[\[{]", text)][:BRACKETS]
    if not begins:
        return Misspelt("no_json", "there is no JSON")
    decoded = [_decoded(text, at) for at in begins]
    first = next((each for each in decoded if not isinstance(each, str)), None)
    if first is None:
        return Misspelt("no_json", f"that is no JSON: {str(decoded[0])[:100]}")
    value, end = first
    many = value if isinstance(value, list) else [value]
    while isinstance(value, dict) and len(many) <= MOST_CALLS:
        between = _BETWEEN.match(text, end)
        following = _decoded(text, between.end() if between else end)
        if isinstance(following, str) or not isinstance(following[0], dict):
            break
        many, end = [*many, following[0]], following[1]
    if not many or len(many) > MOST_CALLS:
        return Misspelt("no_call", f"{len(many)} calls")
    found = [_call(each) for each in many]
    calls = [each for each in found if each is not None]
    if len(calls) < len(found):
        return Misspelt("no_call", "a call has a name and an object of arguments")
    return calls


def _decoded(text: str, at: int) -> tuple[Any, int] | str:
    """The JSON value that begins there and where it ends, or why there is none."""
    try:
        return json.JSONDecoder().raw_decode(text, at)
    except (ValueError, RecursionError) as error:
        return str(error) or "empty"


def against(calls: Sequence[Call], offered: Mapping[str, Tool], count: int) -> Misspelt | None:
    """APIGen's check of format: as many calls as were asked for, each of a tool that was offered,
    with arguments that its schema allows."""
    if len(calls) != count:
        return Misspelt("wrong_count", f"{len(calls)} calls instead of {count}")
    for call in calls:
        if call.name not in offered:
            names = ", ".join(sorted(offered))
            error = f"there is no tool {call.name!r}; the tools are {names}"
            return Misspelt("unknown_tool", error)
        said = fault(call.arguments, offered[call.name].parameters)
        if said is not None:
            return Misspelt("bad_arguments", f"invalid arguments of {call.name}: {said}")
    return None


def _call(value: Any) -> Call | None:
    if not isinstance(value, dict):
        return None
    function = value.get("function", value)
    if not isinstance(function, dict):
        return None
    name = function.get("name")
    arguments = function.get("arguments", function.get("parameters", {}))
    if isinstance(arguments, str):
        decoded = _decoded(arguments.strip(), 0)
        arguments = None if isinstance(decoded, str) else decoded[0]
    if not isinstance(name, str) or not isinstance(arguments, dict):
        return None
    return Call(name, arguments)


def _type(schema: Mapping[str, Any]) -> str:
    if schema.get("enum"):
        return " or ".join(map(json.dumps, schema["enum"][:6]))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(kind[0] if isinstance(kind, list) else kind)
