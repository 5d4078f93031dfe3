"""Tools are called in the sandbox, with what a call returned or the error that it raised.

The calls of one task run in one program, so what one of them does (takes too long, takes all
memory) costs that task alone.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from midtrain_dagster.sandbox import run as sandbox
from midtrain_dagster.sandbox.limits import Limits
from midtrain_dagster.sandbox.run import Outcome, Program, run_all
from midtrain_dagster.synthesis.tools import tool as tools
from midtrain_dagster.synthesis.tools.tool import Tool

VERSION = 1
USES = (sandbox, tools)

LIMITS = Limits(seconds=20, cpu_seconds=4)

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
    failed: bool = False
    """It raised an error, which is a result as well."""


class Failure(NamedTuple):
    """Why a task's calls have no results."""

    reason: str
    detail: str = ""


def execute(
    tasks: Sequence[Sequence[Call]], tools: Mapping[str, Tool]
) -> Iterator[list[Result] | Failure]:
    """The results of each task's calls, in order. All of the tools have to be functions."""
    programs = [Program(INSIDE, input=json.dumps(_order(calls, tools))) for calls in tasks]
    for calls, outcome in zip(tasks, run_all(programs, limits=LIMITS), strict=True):
        yield _results(outcome, len(calls))


def lines(outcome: Outcome) -> list[Any]:
    """What a program printed, a value a line; the last may be cut."""
    found = []
    for line in outcome.stdout.splitlines():
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
                "encoded": tool.function.encoded,
                "spread": tool.function.spread,
            }
        )
    return {"do": "call", "calls": told}


def _results(outcome: Outcome, count: int) -> list[Result] | Failure:
    found = lines(outcome)
    if not outcome.succeeded or len(found) != count:
        return Failure("not_executed", f"{outcome.ended}: {outcome.stderr[-500:]}")
    untold = next((each["untold"] for each in found if "untold" in each), None)
    if untold is not None:
        return Failure("result_untold", untold)
    return [
        Result(each["error"], failed=True) if "error" in each else Result(told(each["result"]))
        for each in found
    ]


def told(value: Any) -> str:
    """A result as a tool gives it: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
