"""Tools out of Python's standard library: the functions of a module that a rule takes for tools.

No function is named here. A module is looked at inside the sandbox (``inside.py``): its public
functions, their signatures and docstrings. The standard library has no type hints, so the kinds of
values that a function takes are found by trying: the parameters' names propose (``values.HINTS``),
and the first kinds with which every trial returns something that can be told are its own. What is no
tool is refused, and counted: a function that prints, that opens or asks the system for anything,
that changes its arguments, gives another result the second time, always the same, or nothing.

What comes of it depends on the Python that runs, which is a cause of what is made (``IDENTITY``).
"""

import json
import platform
import sys
from collections.abc import Sequence
from typing import Any

from midtrain_dagster.sandbox.limits import Limits
from midtrain_dagster.sandbox.run import Program, run_all
from midtrain_dagster.synthesis.tools import calling, values
from midtrain_dagster.synthesis.tools import tool as tools
from midtrain_dagster.synthesis.tools.calling import INSIDE, lines
from midtrain_dagster.synthesis.tools.tool import (
    Function,
    Harvest,
    NoTool,
    Tool,
    described,
    tool_name,
)
from midtrain_dagster.synthesis.tools.values import HINTS, KINDS, TRIED, trials

VERSION = 1
USES = (calling, tools, values)

IDENTITY = {"python": platform.python_version()}

TRIALS = 4
"""Calls with other values that have to go well."""

LIMITS = Limits(seconds=60, cpu_seconds=30, output_bytes=4 * 2**20)


def is_known(module: str) -> bool:
    """Whether it is of the standard library."""
    return module.partition(".")[0] in sys.stdlib_module_names


def python_functions(modules: Sequence[str]) -> Harvest:
    """The functions of these modules of the standard library that are tools.

    Raises ``SandboxError`` where nothing can be run.
    """
    found: list[Tool] = []
    refused: list[NoTool] = []
    looked_at = _looked_at(modules)
    for module in modules:
        for told in sorted(looked_at[module], key=lambda each: str(each["name"])):
            path = f"{module}.{told['name']}"
            if "reason" in told:
                refused.append(NoTool(f"python:{path}", told["reason"], told.get("detail", "")))
            elif described(told["documentation"]):
                found.append(_tool(path, told))
            else:
                refused.append(NoTool(f"python:{path}", "no_documentation"))
    return Harvest(found, refused)


def _looked_at(modules: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """What was found of each function. One that ends the program is passed over, and its module
    looked at again."""
    given = {"do": "look", "kinds": TRIED, "hints": HINTS, "values": trials(TRIALS)}
    found: dict[str, list[dict[str, Any]]] = {module: [] for module in modules}
    passed_over: dict[str, list[str]] = {module: [] for module in modules}
    while passed_over:
        orders = [
            {**given, "module": module, "origin": f"_{module}", "passed_over": names}
            for module, names in passed_over.items()
        ]
        programs = [Program(INSIDE, input=json.dumps(order)) for order in orders]
        again: dict[str, list[str]] = {}
        for module, outcome in zip(passed_over, run_all(programs, limits=LIMITS), strict=True):
            said = lines(outcome)
            done = [each for each in said if "name" in each]
            begun = [each["begins"] for each in said if "begins" in each]
            found[module] += done
            if outcome.succeeded:
                continue
            if len(begun) == len(done):
                detail = outcome.stderr[-200:].strip() or outcome.ended
                found[module].append({"name": "*", "reason": "no_module", "detail": detail})
                continue
            found[module].append(
                {"name": begun[-1], "reason": "too_slow", "detail": outcome.ended}
            )
            again[module] = [*passed_over[module], *begun]
        passed_over = again
    return found


def _tool(path: str, told: dict[str, Any]) -> Tool:
    kinds, optional = told["kinds"], told["optional"]
    properties = {name: dict(KINDS[kind].schema) for name, kind in kinds.items()}
    properties |= {name: _optional(value) for name, value in optional.items()}
    encoded = tuple(name for name, kind in kinds.items() if kind == "bytes")
    return Tool(
        tool_name(path),
        described(told["documentation"]),
        {"type": "object", "properties": properties, "required": list(kinds)},
        f"python:{path}",
        Function(path, encoded, told["spread"]),
    )


def _optional(default: Any) -> dict[str, Any]:
    kind = {bool: "boolean", int: "integer", float: "number", str: "string"}[type(default)]
    return {"type": kind, "default": default}
