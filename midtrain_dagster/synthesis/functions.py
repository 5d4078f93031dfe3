"""Functions of Python documents, as the seeds of requests: short, documented, drawn by a hash."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

from midtrain_dagster.core import draws
from midtrain_dagster.synthesis import programs
from midtrain_dagster.synthesis.programs import parsed

VERSION = 1
USES = (draws, programs)

LINES = (3, 25)
"""Of a function, at least and at most."""
SHORTEST_DOCSTRING = 30
"""Characters; shorter ones say little more than the name."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Found(NamedTuple):
    """A function of a document."""

    start: int
    stop: int
    """Where its lines stand in the document's text, in bytes."""
    source: str
    """As far left as it goes."""
    signature: str
    """Its name and arguments: ``clamp(value, low=0)``."""
    summary: str
    """The first paragraph of its docstring, on one line."""


def function_of(text: str, identity: str, seed: int) -> Found | None:
    """The function of a document that is drawn; none where it has none, or is no Python."""
    tree = parsed(text)
    found = [] if tree is None else list(_documented(tree))
    if not found:
        return None
    function, docstring = min(
        found, key=lambda each: draws.place(f"{identity}/{each[0].lineno}", seed)
    )
    # The parser counts lines as Python does: form feeds end none.
    lines = text.split("\n")
    first, last = function.lineno - 1, function.end_lineno or function.lineno
    start = len("".join(f"{line}\n" for line in lines[:first]).encode(errors="replace"))
    source = "\n".join(lines[first:last])
    inset = function.col_offset
    return Found(
        start,
        start + len(source.encode(errors="replace")),
        "\n".join(line[inset:] for line in source.split("\n")).rstrip(),
        f"{function.name}({_arguments(function)})",
        " ".join(docstring.split("\n\n")[0].split()),
    )


def _documented(tree: ast.Module) -> Iterator[tuple[Function, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, Function):
            continue
        docstring = ast.get_docstring(node) or ""
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if len(docstring) >= SHORTEST_DOCSTRING and LINES[0] <= lines <= LINES[1]:
            yield node, docstring


def _arguments(function: Function) -> str:
    """Those of a function, without the object that a method is of."""
    names = ast.unparse(function.args)
    own, _, rest = names.partition(",")
    return rest.strip() if own in ("self", "cls") else names
