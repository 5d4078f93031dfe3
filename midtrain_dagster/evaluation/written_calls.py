"""Calls of functions in what a model wrote: read as syntax, and never run.

In the form of Python, ``[f(a=1), g(b="x")]``, a call's arguments are those with names, and what
they are is what their syntax tree spells (``ast``; Patil et al., *The Berkeley Function Calling
Leaderboard*, ICML 2025): a bare name is a text, a call within a call a text or a call, a sum of
numbers its value. In the form of JSON a call is an object of a name and of arguments, under the
keys that chat templates give them, alone or in a list, wherever it stands in a text.
"""

import ast
import json
import math
import operator
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

VERSION = 1

LONGEST = 20_000
"""Characters of a text that is read."""

_UNREADABLE = (
    *(ValueError, SyntaxError, TypeError, LookupError, ArithmeticError),
    *(MemoryError, RecursionError),
)

_SUMS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: lambda base, power: base ** (power if abs(power) < 100 else math.nan),
}

NAMES, ARGUMENTS = ("name", "function"), ("arguments", "parameters")
"""The keys of a call in JSON."""


class Call(NamedTuple):
    """A function that is called, and its arguments by name."""

    name: str
    arguments: Mapping[str, Any]


def python_calls(text: str) -> list[Call] | None:
    """The calls in a list of Python's, whose brackets may be missing; none: it is no such list."""
    text = text.strip("`\n ")
    text = f"{'' if text.startswith('[') else '['}{text}{'' if text.endswith(']') else ']'}"
    if len(text) > LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text.strip("'"), mode="eval").body
        return [_call(each) for each in body.elts] if isinstance(body, ast.List) else None
    except _UNREADABLE:
        return None


def json_calls(text: str) -> list[Call] | None:
    """The calls that stand in a text as JSON, in order; none: there is nothing that is one."""
    found = [call for value in _values(text[:LONGEST]) for call in _of_json(value)]
    return found or None


def _call(node: ast.expr) -> Call:
    if not isinstance(node, ast.Call):
        raise TypeError("no call")
    parts, function = [], node.func
    while isinstance(function, ast.Attribute):
        parts.append(function.attr)
        function = function.value
    if isinstance(function, ast.Name):
        parts.append(function.id)
    return Call(
        ".".join(reversed(parts)), {str(each.arg): _value(each.value) for each in node.keywords}
    )


def _value(node: ast.expr) -> Any:
    """What an argument is, as BFCL reads it. Raises one of ``_UNREADABLE`` for what is no value."""
    read = _VALUES.get(type(node))
    if read is None:
        raise TypeError(f"a {type(node).__name__} is no value")
    return read(node)


def _signed(node: ast.UnaryOp) -> int | float:
    number = _number(_value(node.operand))
    if isinstance(node.op, ast.USub):
        return -number
    if isinstance(node.op, ast.UAdd):
        return number
    raise TypeError("no number")


def _sum(node: ast.BinOp) -> int | float:
    made = _SUMS[type(node.op)](_number(_value(node.left)), _number(_value(node.right)))
    return _number(made)


def _dict(node: ast.Dict) -> dict[Any, Any]:
    if None in node.keys:
        raise TypeError("an object in an object")
    return {
        _value(key): _value(value) for key, value in zip(node.keys, node.values, strict=True) if key
    }


def _called(node: ast.Call) -> Any:
    """A call as an argument: its text, or the call with its arguments where they have names."""
    if not node.keywords:
        return ast.unparse(node)
    call = _call(node)
    return {call.name: dict(call.arguments)}


_VALUES: Mapping[type[ast.expr], Callable[[Any], Any]] = {
    ast.Constant: lambda node: "..." if node.value is Ellipsis else node.value,
    ast.Name: lambda node: node.id,
    ast.List: lambda node: [_value(each) for each in node.elts],
    ast.Tuple: lambda node: tuple(_value(each) for each in node.elts),
    ast.Dict: _dict,
    ast.UnaryOp: _signed,
    ast.BinOp: _sum,
    ast.Call: _called,
    ast.Subscript: ast.unparse,
}


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("no number")
    if abs(value) > 1e100 or not math.isfinite(value):
        raise ValueError("too large a number")
    return value


def _values(text: str) -> Iterator[Any]:
    """The objects and lists of JSON in a text, the outermost ones, one after the other."""
    decoder, end = json.JSONDecoder(), 0
    for mark in re.finditer(r"[\[{]", text):
        if mark.start() < end:
            continue
        try:
            value, end = decoder.raw_decode(text, mark.start())
        except ValueError:
            continue
        except RecursionError:
            return  # so deep is no call, nor is what is in it
        yield value


def _of_json(value: Any) -> Iterator[Call]:
    if isinstance(value, list):
        for each in value:
            yield from _of_json(each)
    elif isinstance(value, dict):
        inner = value.get("function")
        if isinstance(inner, dict):
            yield from _of_json(inner)
            return
        name = next((value[key] for key in NAMES if isinstance(value.get(key), str)), None)
        given = next((value[key] for key in ARGUMENTS if key in value), None)
        if isinstance(given, str):
            # As OpenAI's interface has them.
            given = next(_values(given), None)
        if name is not None and isinstance(given, dict):
            yield Call(name, given)
