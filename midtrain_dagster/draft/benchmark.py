"""A benchmark more in a recipe that a person wrote: lines are put in, none of theirs is touched."""

import re
from collections.abc import Mapping
from os.path import relpath
from pathlib import Path
from typing import Any

import yaml

from midtrain_dagster.draft.one_line import one_line

SECTION = "benchmarks"
INDENT = 2


class PlacementError(ValueError):
    """A document in which it cannot be seen where the lines belong; says what to do instead."""


def with_benchmark(text: str, name: str, fields: Mapping[str, Any]) -> str:
    """The recipe's text with one benchmark more, behind those that it has.

    Raises :class:`PlacementError` where the section is not written in place (an alias, say). The
    fields are not validated here, nor is the recipe.
    """
    before = yaml.safe_load(text)
    if not isinstance(before, dict):
        raise PlacementError("a recipe is a mapping of sections; this holds none")
    had = before.get(SECTION) or {}
    if name in had:
        raise PlacementError(f"the recipe has a benchmark {name!r} already")
    added = _inserted(text, name, fields)
    try:
        after = yaml.safe_load(added)
    except yaml.YAMLError:
        after = None
    if after != {**before, SECTION: {**had, name: dict(fields)}}:
        raise PlacementError(
            f"the section {SECTION!r} is written in a way that lines cannot be added to; add:\n"
            + _block(name, fields, INDENT)
        )
    return added


def from_recipe(path: str, recipe: Path) -> str:
    """A file's path as the recipe names it, given as one sees it from where one stands."""
    if "://" in path or Path(path).is_absolute() or not Path(path).exists():
        return path
    return Path(relpath(Path(path).resolve(), recipe.resolve().parent)).as_posix()


def _inserted(text: str, name: str, fields: Mapping[str, Any]) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    section = _section(text)
    if section is None:
        block = f"\n{SECTION}:\n{_block(name, fields, INDENT)}".replace("\n", newline)
        return f"{text.rstrip()}{newline}{block}"
    if not isinstance(section, yaml.MappingNode):
        at, indent = _after(text, section.end_mark.index, INDENT), INDENT
    elif section.flow_style:
        comma, at = (
            (", ", _end(section.value[-1][1]))
            if section.value
            else ("", section.end_mark.index - 1)
        )
        return f"{text[:at]}{comma}{one_line({name: dict(fields)})[1:-1]}{text[at:]}"
    else:
        indent = section.value[0][0].start_mark.column
        at = _after(text, _end(section.value[-1][1]), indent)
    block = _block(name, fields, indent).replace("\n", newline)
    gap = "" if text[:at].endswith("\n") else newline
    return f"{text[:at]}{gap}{block}{text[at:]}"


def _section(text: str) -> yaml.Node | None:
    """What stands under the section's name."""
    document = yaml.compose(text, yaml.SafeLoader)
    assert isinstance(document, yaml.MappingNode)
    return next((value for key, value in document.value if key.value == SECTION), None)


def _block(name: str, fields: Mapping[str, Any], indent: int) -> str:
    lines = [f"{one_line(name)}:", *(f"  {key}: {one_line(each)}" for key, each in fields.items())]
    return "".join(f"{' ' * indent}{line}\n" for line in lines)


def _end(node: yaml.Node) -> int:
    """Where the last character of a node stands, comments and blank lines apart."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _after(text: str, end: int, indent: int) -> int:
    """The start of the line that follows, and that follows comments which belong to it."""
    if not text[:end].endswith("\n"):
        end = text.find("\n", end) + 1 or len(text)
    belongs = re.compile(rf"[ ]{{{indent + 1},}}#.*(?:\n|\Z)")
    while found := belongs.match(text, end):
        end = found.end()
    return end
