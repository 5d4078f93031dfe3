"""Tasks drawn from tools: which tools are offered, what is called with what, and what goes wrong.

A task is right by construction: its calls come first, with arguments drawn for each parameter, and
the request is written of them. Each task is a function of a seed and its number alone, given the
tools, so that more tasks leave the others as they are.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from midtrain_dagster.long_context.draw import Draw
from midtrain_dagster.synthesis.tools import parameters, phrasing, tool, values
from midtrain_dagster.synthesis.tools.calling import Call, after
from midtrain_dagster.synthesis.tools.parameters import fault
from midtrain_dagster.synthesis.tools.tool import Tool
from midtrain_dagster.synthesis.tools.values import KINDS, value, weighted

VERSION = 1
USES = (parameters, phrasing, tool, values)

Shape = Literal["single", "parallel", "sequence", "chain"]
"""One call; several in one message; several one after the other; several of which each but the
first takes what the one before returned."""

OPTIONAL = 0.25
"""Share of calls that give a parameter that they may leave out, each."""

ATTEMPTS = 8
"""Draws of arguments until the schema allows them."""

Mistake = Literal["unknown_tool", "missing_parameter", "unknown_parameter", "wrong_type"]
MISTAKES: tuple[Mistake, ...] = (
    "unknown_tool", "missing_parameter", "unknown_parameter", "wrong_type",
)  # fmt: skip


class Wrong(NamedTuple):
    """A call that goes wrong before the right one."""

    mistake: Mistake
    call: Call
    error: str
    """What whoever runs the tools says to it."""


class Task(NamedTuple):
    """What is to be done with tools."""

    id: str
    request: str
    """In the words of the rule."""
    shape: Shape
    calls: list[Call]
    offered: list[Tool]
    """The tools that are called, and others, in a drawn order."""
    wrong: Wrong | None


def drawn_task(
    tools: Sequence[Tool],
    *,
    seed: int,
    number: int,
    shapes: Mapping[Shape, float],
    most_calls: int,
    others: int,
    mistakes: float,
    played: bool = False,
) -> Task | None:
    """A task; none: no arguments were found that the schemas allow.

    Args:
        tools: of which it is made.
        seed: with ``number``, what it is drawn by.
        number: which task it is.
        shapes: the share of each shape.
        most_calls: of a task that has several.
        others: tools that are offered and not called.
        mistakes: the share of tasks in which a call goes wrong first.
        played: whether tools that cannot be executed have results too (``simulation.py``).
    """
    draw = Draw("tool_task", seed, number)
    first = draw.one(tools)
    possible = {each: share for each, share in shapes.items() if _can(first, each, tools, played)}
    alone: dict[Shape, float] = {"single": 1.0}
    shape = weighted(draw, possible if any(possible.values()) else alone)
    chosen = _chosen(first, shape, tools, draw, most_calls)
    calls: list[Call] = []
    said: list[str] = []
    for each in chosen:
        arguments = _arguments(each, draw)
        if arguments is None:
            return None
        known = arguments
        if shape == "chain" and calls:
            _, name = _takes(each)
            arguments = {**arguments, name: after(len(calls) - 1)}
            known = {key: given for key, given in arguments.items() if key != name}
        said.append(_said(each, known, draw, chained=known is not arguments))
        calls.append(Call(each.name, arguments))
    left = [each for each in tools if each not in chosen]
    offered = draw.shuffled([*chosen, *draw.sample(left, min(others, len(left)))])
    is_wrong = draw.uniform() < mistakes
    wrong = _wrong(calls[0], chosen[0], offered, draw) if is_wrong else None
    return Task(
        f"task:{number}",
        phrasing.together(said, draw),
        shape,
        calls,
        offered,
        wrong,
    )


def _can(first: Tool, shape: Shape, tools: Sequence[Tool], played: bool) -> bool:
    """Whether a task of this shape can begin with a tool."""
    if shape == "single":
        return True
    if shape == "parallel":
        return bool(_alike(first, tools))
    # What comes second waits for a result, which only what is executed or played has.
    if first.function is None:
        return played and shape == "sequence" and bool(_alike(first, tools))
    return bool(_next(first, tools) if shape == "chain" else _alike(first, tools))


def _chosen(first: Tool, shape: Shape, tools: Sequence[Tool], draw: Draw, most: int) -> list[Tool]:
    """The tools that are called, each once."""
    count = 1 if shape == "single" else values.among(draw, 2, max(2, most))
    if shape != "chain":
        rest = _alike(first, tools)
        return [first, *draw.sample(rest, min(count - 1, len(rest)))]
    chosen = [first]
    while len(chosen) < count:
        possible = [each for each in _next(chosen[-1], tools) if each not in chosen]
        if not possible:
            break
        chosen.append(draw.one(possible))
    return chosen


def _alike(first: Tool, tools: Sequence[Tool]) -> list[Tool]:
    """Others that are executed if it is, and not if it is not."""
    return [
        each
        for each in tools
        if each is not first and (each.function is None) == (first.function is None)
    ]


def _next(tool: Tool, tools: Sequence[Tool]) -> list[Tool]:
    """Those that can be called with what a tool gives."""
    given = tool.function.gives if tool.function else ""
    return [each for each in tools if each is not tool and given and _takes(each)[0] == given]


def _takes(tool: Tool) -> tuple[str, str]:
    """What of another tool's results a tool can be called with, and as which parameter: the first
    that it requires; empty where it is of another kind."""
    kinds = tool.function.kinds if tool.function and not tool.function.spread else {}
    name, kind = next(iter(kinds.items()), ("", ""))
    return {"number": "number", "text": "text", "bytes": "text"}.get(kind, ""), name


def _arguments(tool: Tool, draw: Draw) -> dict[str, Any] | None:
    """Arguments that the schema allows; none: none were found."""
    properties = tool.parameters.get("properties", {})
    kinds = tool.function.kinds if tool.function else {}
    for _ in range(ATTEMPTS):
        made: dict[str, Any] = {}
        for name, schema in properties.items():
            if name not in tool.required and not (_is_said(schema) and draw.uniform() < OPTIONAL):
                continue
            try:
                one = KINDS[kinds[name]].draw(draw) if name in kinds else value(schema, draw, name)
            except ValueError:
                if name in tool.required:
                    return None
                continue
            if one != schema.get("default", ...):
                made[name] = one
        if fault(made, tool.parameters) is None:
            return made
    return None


def _is_said(schema: Mapping[str, Any]) -> bool:
    """Whether a parameter that may be left out says enough of itself to be given: a truth value,
    a choice, a number within bounds; a text whose default is a text is an encoding or a mode."""
    if "default" in schema:
        return schema.get("type") == "boolean" or "enum" in schema
    return True


def _said(tool: Tool, arguments: Mapping[str, Any], draw: Draw, *, chained: bool) -> str:
    if not chained:
        return phrasing.request(tool, arguments, draw)
    result = f"{_takes(tool)[1]} is the result"
    more = f", and {phrasing.values(arguments)}" if arguments else ""
    return f"With that, {phrasing.asked(tool)}, where {result}{more}."


def _wrong(call: Call, tool: Tool, offered: Sequence[Tool], draw: Draw) -> Wrong | None:
    """A call that goes wrong in one of the ways that models have, with the error that is true of
    it."""
    mistake = draw.one(MISTAKES)
    name, arguments = call.name, dict(call.arguments)
    if mistake == "unknown_tool":
        at = draw.below(len(name) - 1) if len(name) > 1 else 0
        name = name[:at] + name[at + 1] + name[at] + name[at + 2 :] if len(name) > 1 else "tool"
        names = sorted(each.name for each in offered)
        if name in names:
            return None
        error = f"there is no tool {name!r}; the tools are {', '.join(names)}"
        return Wrong(mistake, Call(name, arguments), f"Error: {error}")
    if not tool.required:
        return None
    parameter = draw.one(tool.required)
    given = arguments.pop(parameter)
    if mistake == "unknown_parameter":
        arguments = {**arguments, f"{parameter}_value": given}
    elif mistake == "wrong_type":
        arguments = {**arguments, parameter: {"value": given}}
    error = fault(arguments, tool.parameters) or ""
    if not error:
        return None
    ordered = {each: arguments[each] for each in (*call.arguments, *arguments) if each in arguments}
    return Wrong(mistake, Call(name, ordered), f"Error: invalid arguments: {error}")
