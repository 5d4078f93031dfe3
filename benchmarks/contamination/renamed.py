"""Code whose functions, arguments and variables have other names, in the styles that people use."""

import ast
import random
import re
from collections.abc import Callable

WORDS = (
    "alpha", "bucket", "candidate", "data", "entry", "flag", "group", "holder", "inner", "joint",
    "keep", "left", "mark", "node", "outer", "piece", "quota", "right", "seen", "total", "upper",
    "value", "window", "xs", "yield_value", "zone",
)  # fmt: skip


def _numbered(place: int, _: random.Random) -> str:
    return f"name_{place}"


def _letters(place: int, _: random.Random) -> str:
    return chr(ord("a") + place % 26) + ("" if place < 26 else str(place // 26))


def _words(place: int, draw: random.Random) -> str:
    return f"{draw.choice(WORDS)}_{draw.choice(WORDS)}{place}"


def _camel(place: int, draw: random.Random) -> str:
    return f"{draw.choice(WORDS)}{draw.choice(WORDS).title()}{place}"


STYLES: tuple[Callable[[int, random.Random], str], ...] = (_numbered, _letters, _words, _camel)


def renamed(question: str, answer: str, draw: random.Random) -> str | None:
    """The item's code with other names, in its documentation too; None of what is no code."""
    code = f"{question}\n{answer}"
    if "def " not in code:
        return None
    tree = ast.parse(code)
    named = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    named |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    stored = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    named |= {node.id for node in stored if isinstance(node.ctx, ast.Store)}
    style = draw.choice(STYLES)
    others = {name: style(place, draw) for place, name in enumerate(sorted(named))}
    pattern = r"\b(" + "|".join(others) + r")\b"
    return re.sub(pattern, lambda found: others[found[0]], code)
