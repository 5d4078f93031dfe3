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
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_document import RecipeError, document, read_text, values
from midtrain_dagster.recipe_schema import fields_at
from midtrain_dagster.recipe_sections import READ_WITH

QUOTED = "'_()"
"""What Pydantic writes around the name of a field that tells the members of a union apart."""


def load_recipe(path: Path) -> Recipe:
    """Read and validate a recipe.

    Raises :class:`RecipeError` with every mistake, each with file, line, field and reason.
    """
    return parse_recipe(path, read_text(path))


def parse_recipe(path: Path, text: str) -> Recipe:
    """Validate a recipe's text as that of a file, which need not be there. Raises as
    :func:`load_recipe` does."""
    node, text = document(path, text)
    fields = values(path, node)
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
            place, field = _place(path, node, location)
            lines.append(f"{place}: {field or 'recipe'}: {reason}")
        raise RecipeError("\n".join(lines)) from error


def field_in_file(recipe: Recipe, location: Location) -> str:
    """``FILE, line N: FIELD`` for a message about a field; the line is that of the deepest of its
    keys that the document has, since a field that is to be added has none."""
    place, _ = _place(Path(recipe.file), _node(recipe), location)
    return f"{place}: {'.'.join(map(str, location))}"


def _node(recipe: Recipe) -> yaml.Node | None:
    """The tree of a recipe's document: where it extends others and they are as they were, with
    their lines."""
    file = Path(recipe.file)
    try:
        node, text = document(file, read_text(file))
    except RecipeError:
        text = ""
    return node if text == recipe.text else document(file, recipe.text)[0]


def finding_lines(recipe: Recipe, findings: Iterable[Finding], *, stops: bool) -> list[str]:
    """The findings that stop a run, or those that are only told: a line each."""
    return [
        f"{field_in_file(recipe, finding.place)}: {finding.reason}"
        for finding in findings
        if finding.stops == stops
    ]


def _problems(error: ValidationError, within: Location = ()) -> Iterator[Problem]:
    """Every mistake that Pydantic found, and those that our own validators put into one error.

    ``within`` is the way to the section that was validated.
    """
    entries = error.errors()
    above = {entry["loc"][:depth] for entry in entries for depth in range(len(entry["loc"]))}
    for entry in entries:
        location, cause = (*within, *entry["loc"]), entry.get("ctx", {}).get("error")
        if isinstance(cause, DisagreementError):
            yield from cause.problems
        elif isinstance(cause, ValueError) and isinstance(cause.__cause__, ValidationError):
            # A section made of this one (a stage's control) has mistakes of its own.
            yield from _problems(cause.__cause__, (*location, str(cause).partition(":")[0]))
        elif entry["type"] == "too_short" and entry["loc"] in above:
            continue  # items of it are wrong, each of which is a mistake of its own
        elif entry["type"] == "missing":
            yield location[:-1], f"the field {location[-1]!r} is required"
        else:
            yield location, _reason(entry, location)


def _reason(entry: Any, location: Location) -> str:
    reason = str(entry["msg"]).removeprefix("Value error, ")
    context, given = entry.get("ctx", {}), entry.get("input")
    if wanted := _in_yaml(entry["type"], context, given):
        return wanted
    match entry["type"]:
        case "extra_forbidden":
            return no_such_field(location)
        # Where a function finds the tag, Pydantic calls the field by the function: `_kind()`,
        # `method()`.
        case "union_tag_not_found":
            return f"the field {context['discriminator'].strip(QUOTED)!r} is required"
        case "union_tag_invalid":
            name, tags = context["discriminator"].strip(QUOTED), context["expected_tags"]
            meant = did_you_mean(context["tag"], _named(tags))
            return f"{name} {context['tag']!r} is none of {tags}{meant}"
        case "literal_error":
            return f"{reason} (given: {given!r}){did_you_mean(given, _named(context['expected']))}"
    return f"{reason} (given: {given!r})" if isinstance(given, str | int | float) else reason


def _in_yaml(kind: str, context: Any, given: object) -> str | None:
    """A reason in the words of YAML, which knows lists and sections, no tuples and dictionaries."""
    match kind:
        case "tuple_type" | "list_type" if isinstance(given, str | int | float):
            return f"a list is wanted: [{given}]"
        case "dict_type":
            return "a section is wanted, names with values: {NAME: VALUE}"
        case "too_short":
            return f"it needs {context['min_length']} at least, and has {context['actual_length']}"
    return None


def no_such_field(location: Location) -> str:
    """The reason for a field that a section does not have, and which it probably meant."""
    known = [name for name in fields_at(location[:-1]) if name != location[-1]]
    return "no such field" + (did_you_mean(location[-1], known) or "; is it a typo?")


def _named(listed: str) -> list[str]:
    """The names in a list that Pydantic wrote: ``'a', 'b' or 'c'``."""
    return re.findall(r"'([^']*)'", listed)


def _place(path: Path, node: yaml.Node | None, location: Location) -> tuple[str, str]:
    """The file and line of a location, and its name as far as the document has it.

    Pydantic puts names of its own (which of several models was tried) between a field's keys.
    """
    place, field = f"{path}, line 1", []
    for step in location:
        found = _child(node, step)
        if found is not None:
            mark, node = found
            place = f"{mark.name}, line {mark.line + 1}"
            field.append(str(step))
    return place, ".".join(field)


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Mark, yaml.Node] | None:
    """Where a key or an item stands, and its value, if the node has it."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key.start_mark, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark, node.value[step]
    return None
