"""Tests that a model wrote, seen as programs: what they check, and the same with other answers.

What passes tests whose expected values are others passes whatever they say: a solution that reads
them out of its own file, or returns what is equal to everything.
"""

import ast
from typing import Any

from midtrain_dagster.synthesis import programs
from midtrain_dagster.synthesis.programs import parsed

VERSION = 1
USES = (programs,)


def assertions(tests: str) -> int:
    """The different assertions of a program."""
    tree = parsed(tests)
    found = ast.walk(tree) if tree else iter(())
    return len({ast.dump(node) for node in found if isinstance(node, ast.Assert)})


def checks(tests: str) -> bool:
    """Whether a program has anything that can say no: an assertion, an exception that is raised, a
    call of ``assertEqual`` and the like."""
    tree = parsed(tests)
    return tree is not None and any(
        isinstance(node, ast.Assert | ast.Raise)
        or (isinstance(node, ast.Attribute) and node.attr.startswith("assert"))
        for node in ast.walk(tree)
    )


def calls(tests: str) -> str:
    """Calls of the functions that pytest would call, and nobody else does."""
    tree = parsed(tests)
    if tree is None:
        return ""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return "".join(
        f"{node.name}()\n"
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test")
        and node.name not in used
        and len(node.args.posonlyargs + node.args.args) == len(node.args.defaults)
        and None not in node.args.kw_defaults
    )


def with_other_answers(tests: str) -> str:
    """The tests with other expected values: constants right of ``==`` in assertions, every one; an
    empty text where there are none."""
    tree = parsed(tests)
    if tree is None:
        return ""
    changing = _Changing()
    try:
        changed = ast.unparse(ast.fix_missing_locations(changing.visit(tree)))
    except RecursionError:
        return ""
    return changed if changing.changed else ""


class _Changing(ast.NodeTransformer):
    """Changes what assertions expect."""

    def __init__(self) -> None:
        self.changed = False
        self._expected = False

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        test = node.test
        if isinstance(test, ast.Compare) and isinstance(test.ops[-1], ast.Eq):
            self._expected = True
            test.comparators[-1] = self.visit(test.comparators[-1])
            self._expected = False
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not self._expected:
            return node
        other = _other(node.value)
        self.changed = self.changed or other is not node.value
        return ast.Constant(other)


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return f"{value}x" if isinstance(value, str) else value
