"""Tools are called in the sandbox, with what a call returned or the error that it raised.

The calls of one task run in one program, so what one of them does (takes too long, takes all
memory) costs that task alone.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from midtrain_dagster.sandbox.run import Program
from midtrain_dagster.synthesis import programs
from midtrain_dagster.synthesis.programs import Ran, run_programs
from midtrain_dagster.synthesis.tools import tool as tools
from midtrain_dagster.synthesis.tools.tool import Tool

VERSION = 1
USES = (programs, tools)

INSIDE = Path(__file__).with_name("inside.py").read_text(encoding="utf-8")
"""The program: it needs nothing but its order."""


class Call(NamedTuple):
    """A call of a tool, as a model writes it."""

    name: str
    arguments: dict[str, Any]


class Result(NamedTuple):
    """What became of a call."""

    text: str
    """What is told of it: a text as it is, anything else as JSON; or the error."""
    value: Any = None
    """The result itself, as JSON has it."""
    failed: bool = False
    """It raised an error, which is a result as well."""
    arguments: Mapping[str, Any] = MappingProxyType({})
    """What it was called with."""


class Failure(NamedTuple):
    """Why a task's calls have no results."""

    reason: str
    detail: str = ""


def after(number: int) -> dict[str, int]:
    """An argument that is what an earlier call of the task returned."""
    return {"result_of": number}


def execute(
    tasks: Sequence[Sequence[Call]], tools: Mapping[str, Tool]
) -> Iterator[list[Result] | Failure]:
    """The results of each task's calls, in order. All of the tools have to be functions.

    Raises ``SandboxError`` where nothing can be run.
    """
    orders = [Program(INSIDE, input=json.dumps(_order(calls, tools))) for calls in tasks]
    for calls, ran in zip(tasks, run_programs(orders), strict=True):
        yield _results(ran, len(calls))


def lines(printed: str) -> list[Any]:
    """What a program printed, a value a line; the last may be cut."""
    found = []
    for line in printed.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found


def _order(calls: Sequence[Call], tools: Mapping[str, Tool]) -> dict[str, Any]:
    told = []
    for call in calls:
        tool = tools[call.name]
        assert tool.function is not None, "only functions are executed"
        told.append(
            {
                "path": tool.function.path,
                "arguments": call.arguments,
                "required": tool.required,
                "encoded": [name for name, kind in tool.function.kinds.items() if kind == "bytes"],
                "spread": tool.function.spread,
            }
        )
    return {"do": "call", "calls": told}


def _results(ran: Ran, count: int) -> list[Result] | Failure:
    found = lines(ran.stdout)
    if ran.reason is not None or len(found) != count:
        return Failure(ran.reason or "failed", ran.stderr[-500:])
    untold = next((each["untold"] for each in found if "untold" in each), None)
    if untold is not None:
        return Failure("result_untold", untold)
    return [
        Result(each["error"], None, failed=True, arguments=each["arguments"])
        if "error" in each
        else Result(told(each["result"]), each["result"], arguments=each["arguments"])
        for each in found
    ]


def told(value: Any) -> str:
    """A result as a tool gives it: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
