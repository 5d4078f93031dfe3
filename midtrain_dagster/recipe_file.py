"""Reading a recipe: one YAML document to a validated :class:`Recipe`, or every mistake in it.

A mistake names the file, the line, the field and the reason, and all of them are told at once.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.problems import DisagreementError, Location, Problem
from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.recipe import READ_WITH, Recipe
from midtrain_dagster.recipe_schema import fields_at

MERGE = "tag:yaml.org,2002:merge"
"""The key ``<<``, which takes over the keys of another mapping."""


QUOTED = "'_()"
"""What Pydantic writes around the name of a field that tells the members of a union apart."""


class RecipeError(ValueError):
    """A recipe that cannot be run as it stands; the message lists every mistake found."""


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice, where plain YAML silently keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == MERGE:
                continue
            key = self.construct_object(key_node, deep=True)
            mark = key_node.start_mark
            if not isinstance(key, str | int | float):
                raise RecipeError(f"{mark.name}, line {mark.line + 1}: {key!r} cannot be a key")
            if key in seen:
                raise RecipeError(f"{mark.name}, line {mark.line + 1}: {key!r} is there twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


# PyYAML follows YAML 1.1, where 3e-4 is a string; YAML 1.2 and every reader take it for a number.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def load_recipe(path: Path) -> Recipe:
    """Read and validate a recipe.

    Raises :class:`RecipeError` with every mistake, each with file, line, field and reason.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise RecipeError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: not UTF-8 text (byte {error.start}: {error.reason})") from error
    return parse_recipe(path, text)


def parse_recipe(path: Path, text: str) -> Recipe:
    """Validate a recipe's text as that of a file, which need not be there. Raises as
    :func:`load_recipe` does."""
    node, fields = _parse(path, text)
    if not isinstance(fields, dict):
        raise RecipeError(f"{path}: a recipe is a mapping of sections; this holds none")
    fields.setdefault("name", path.stem)
    for taken in READ_WITH:
        if taken in fields:
            raise RecipeError(f"{path}: {taken}: {no_such_field((taken,))}")
    try:
        where = {"folder": str(path.parent.resolve()), "file": str(path), "text": text}
        return Recipe.model_validate({**fields, **where})
    except ValidationError as error:
        lines = []
        for location, reason in _problems(error):
            line, field = _place(node, location)
            lines.append(f"{path}, line {line}: {field or 'recipe'}: {reason}")
        raise RecipeError("\n".join(lines)) from error


def field_in_file(recipe: Recipe, location: Location) -> str:
    """``FILE, line N: FIELD`` for a message about a field; the line is that of the deepest of its
    keys that the document has, since a field that is to be added has none."""
    line, _ = _place(yaml.compose(recipe.text, _Loader), location)
    return f"{recipe.file}, line {line}: {'.'.join(map(str, location))}"


def finding_lines(recipe: Recipe, findings: Iterable[Finding], *, stops: bool) -> list[str]:
    """The findings that stop a run, or those that are only told: a line each."""
    return [
        f"{field_in_file(recipe, finding.place)}: {finding.reason}"
        for finding in findings
        if finding.stops == stops
    ]


def _parse(path: Path, text: str) -> tuple[yaml.Node | None, Any]:
    """The document's tree, which knows the lines, and its values."""
    try:
        loader = _Loader(text)
        loader.name = str(path)
        node = loader.get_single_node()
        return node, loader.construct_document(node) if node else None
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, RecipeError):
            raise
        raise RecipeError(f"{path}: this is not YAML: {error}") from error


def _problems(error: ValidationError, within: Location = ()) -> Iterator[Problem]:
    """Every mistake that Pydantic found, and those that our own validators put into one error.

    ``within`` is the way to the section that was validated.
    """
    for entry in error.errors():
        location, cause = (*within, *entry["loc"]), entry.get("ctx", {}).get("error")
        if isinstance(cause, DisagreementError):
            yield from cause.problems
        elif isinstance(cause, ValueError) and isinstance(cause.__cause__, ValidationError):
            # A section made of this one (a stage's control) has mistakes of its own.
            yield from _problems(cause.__cause__, (*location, str(cause).partition(":")[0]))
        elif entry["type"] == "too_short" and entry["input"]:
            continue  # its items are wrong, each of which is a mistake of its own
        elif entry["type"] == "missing":
            yield location[:-1], f"the field {location[-1]!r} is required"
        else:
            yield location, _reason(entry, location)


def _reason(entry: Any, location: Location) -> str:
    reason = str(entry["msg"]).removeprefix("Value error, ")
    context, given = entry.get("ctx", {}), entry.get("input")
    match entry["type"]:
        case "extra_forbidden":
            return no_such_field(location)
        # Where a function finds the tag, Pydantic calls the field by the function: `_kind()`.
        case "union_tag_not_found":
            return f"the field {context['discriminator'].strip(QUOTED)!r} is required"
        case "union_tag_invalid":
            name, tags = context["discriminator"].strip(QUOTED), context["expected_tags"]
            meant = did_you_mean(context["tag"], _named(tags))
            return f"{name} {context['tag']!r} is none of {tags}{meant}"
        case "literal_error":
            return f"{reason} (given: {given!r}){did_you_mean(given, _named(context['expected']))}"
    return f"{reason} (given: {given!r})" if isinstance(given, str | int | float) else reason


def no_such_field(location: Location) -> str:
    """The reason for a field that a section does not have, and which it probably meant."""
    known = [name for name in fields_at(location[:-1]) if name != location[-1]]
    return "no such field" + (did_you_mean(location[-1], known) or "; is it a typo?")


def _named(listed: str) -> list[str]:
    """The names in a list that Pydantic wrote: ``'a', 'b' or 'c'``."""
    return re.findall(r"'([^']*)'", listed)


def _place(node: yaml.Node | None, location: Location) -> tuple[int, str]:
    """The line of a location, and its name as far as the document has it.

    Pydantic puts names of its own (which of several models was tried) between a field's keys.
    """
    line, field = 1, []
    for step in location:
        found = _child(node, step)
        if found is not None:
            line, node = found
            field.append(str(step))
    return line, ".".join(field)


def _child(node: yaml.Node | None, step: str | int) -> tuple[int, yaml.Node] | None:
    """The line and the value of a key or an item, if the node has it."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key.start_mark.line + 1, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    return None
