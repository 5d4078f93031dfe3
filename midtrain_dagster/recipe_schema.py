"""The JSON schema of recipes: what editors complete, explain and check while a recipe is written.

It is made of the models, so it says what they say. What is added is what only YAML knows: a number
with underscores is a number to some readers of YAML and a string to others. What is left out is
what the loader fills in. The schema answers too which fields there are at some place of a recipe
(:func:`fields_at`), and ``docs/recipe.md`` is written from it (``recipe_reference``).
"""

import copy
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from midtrain_dagster.core.field_docstrings import DescribedFields
from midtrain_dagster.core.problems import Location
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_sections import READ_WITH

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

UNTAGGED = ("minhash", "train")
"""The members of families that a section is of which names none."""

NOTHING: Schema = {"type": "null"}

GROUPED = r"^[0-9]+(_[0-9]+)+(\.[0-9]+)?$"
"""A number with underscores, as it reaches those to whom it is a string."""


@cache
def recipe_schema() -> Schema:
    """The schema of a recipe's document, with the definitions that it refers to."""
    schema = Recipe.model_json_schema(schema_generator=DescribedFields)
    definitions: dict[str, Schema] = schema["$defs"]
    for name in READ_WITH:
        del schema["properties"][name]
    # The name of the file stands for it.
    required = {*READ_WITH, "name"}
    schema["required"] = [each for each in schema["required"] if each not in required]
    for each in (schema, *definitions.values()):
        _require_tags(each, definitions)
    definitions["Control"] = _control(definitions["Train"])
    control = definitions["Train"]["properties"]["control"]
    control["anyOf"] = [{"$ref": "#/$defs/Control"}, {"type": "null"}]
    cleaned: Schema = _cleaned(schema)
    return {"$schema": DIALECT, "title": "A recipe of midtrain-dagster", **cleaned}


@cache
def document_schema() -> Schema:
    """The schema of a document as it is written, which need not be whole: one that extends others
    may leave out what they say, and take away what stands under a name (``null``)."""
    schema: Schema = copy.deepcopy(recipe_schema())
    whole: Schema = {"required": schema.pop("required"), "properties": {}}
    for name, section in schema["properties"].items():
        definition = schema["$defs"].get(section.get("$ref", "").rpartition("/")[2], {})
        if "required" in definition:
            # What the same section says elsewhere stays whole.
            whole["properties"][name] = {"required": definition["required"]}
            del section["$ref"]
            section |= {key: each for key, each in definition.items() if key != "required"}
        for inner in _named(section):
            told = dict(inner)
            inner.clear()
            # Not a union, of which a mistake in one member is told as one of the whole.
            inner |= {"if": {"not": NOTHING}, "then": told}
            whole["properties"][name] = {"additionalProperties": {"not": NOTHING}}
    return {**schema, "if": {"not": {"required": ["extends"]}}, "then": whole}


def _named(section: Schema) -> list[Schema]:
    """What stands under each name of a section that is one of names."""
    inner = [*section.get("patternProperties", {}).values(), section.get("additionalProperties")]
    return [each for each in inner if isinstance(each, dict) and "properties" not in section]


def fields_at(location: Location) -> list[str]:
    """The fields there may be at a place of a recipe, as the errors of Pydantic name places.

    Between the keys of the document stand the names that Pydantic gives to members of unions.
    """
    found = [recipe_schema()]
    for step in location:
        found = [inner for each in found for inner in _step(each, step)]
    models = [model for each in found for model in alternatives(each)]
    return list(dict.fromkeys(name for each in models for name in each.get("properties", {})))


def resolved(schema: Schema) -> Schema:
    """A schema, or the definition that it refers to."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    definition: Schema = recipe_schema()["$defs"][reference.rpartition("/")[2]]
    return definition


def alternatives(schema: Schema) -> list[Schema]:
    """The schemas that a value may follow: of a union its members, else the schema alone."""
    schema = resolved(schema)
    members = schema.get("oneOf") or schema.get("anyOf")
    if not members:
        return [schema]
    return [each for member in members for each in alternatives(member)]


def tag_of(schema: Schema) -> tuple[str, str] | None:
    """The field by which a member of a family is told from the others, and its value there."""
    for name, field in schema.get("properties", {}).items():
        if "const" in field:
            return name, field["const"]
    return None


def _step(schema: Schema, step: str | int) -> Iterator[Schema]:
    """Where a key, the number of an item, or the name of a union's member leads from a schema."""
    for each in alternatives(schema):
        tag = tag_of(each)
        if isinstance(step, int):
            yield from _inner(each, "items")
        elif step in each.get("properties", {}):
            yield each["properties"][step]
        elif tag and step == tag[1]:
            yield each
        elif each.get("type") == "object" and "properties" not in each:
            yield from _inner(each, "additionalProperties")
            yield from each.get("patternProperties", {}).values()
        elif tag is None:
            yield each  # the name of a model, or of a way to read


def _inner(schema: Schema, key: str) -> Iterator[Schema]:
    inner = schema.get(key)
    if isinstance(inner, dict):
        yield inner


def _require_tags(schema: Schema, definitions: Mapping[str, Schema]) -> None:
    """Members of a union are told apart by a field: each but the usual one requires it."""
    for each in _nested(schema):
        for member in each.get("oneOf", []):
            definition = definitions.get(member.get("$ref", "").rpartition("/")[2], {})
            tag = tag_of(definition)
            required = definition.setdefault("required", []) if tag else []
            if tag and tag[1] not in UNTAGGED and tag[0] not in required:
                required.append(tag[0])


def _nested(value: Any) -> Iterator[Schema]:
    """Every schema within a schema, itself first."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _nested(each)
    elif isinstance(value, list):
        for each in value:
            yield from _nested(each)


def _control(stage: Schema) -> Schema:
    """The fields of a stage that a control may change: any, and none has to."""
    fields = {name: each for name, each in stage["properties"].items() if name != "control"}
    words = "Fields of the stage that are changed in one more run"
    return {**stage, "description": words, "properties": fields, "required": []}


def _cleaned(value: Any, described: str | None = None) -> Any:
    """Without Pydantic's titles; descriptions as plain sentences; numbers also with underscores."""
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    if not isinstance(value, dict):
        return value
    cleaned: Schema = {}
    for key, each in value.items():
        if key in ("properties", "patternProperties", "$defs"):
            inner = value.get("description") if key == "properties" else None
            cleaned[key] = {name: _cleaned(field, inner) for name, field in each.items()}
        elif key in ("default", "const", "enum", "required"):
            cleaned[key] = each
        elif key == "description":
            cleaned[key] = as_markdown(each)
        elif key not in ("title", "discriminator"):
            cleaned[key] = _cleaned(each)
    if "const" in cleaned and described and "description" not in cleaned:
        # The field that names the member of a family is explained by what the member is.
        cleaned["description"] = as_markdown(described)
    if cleaned.get("type") in ("integer", "number"):
        cleaned |= {"type": [cleaned["type"], "string"], "pattern": GROUPED}
    if "patternProperties" in cleaned:
        cleaned["additionalProperties"] = False
    return cleaned


def as_markdown(docstring: str) -> str:
    """A docstring's text as Markdown, a paragraph a line."""
    paragraphs = re.split(r"\n\s*\n", docstring.strip())
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return re.sub(r":\w+:`[~.]?([^`]+)`", r"`\1`", text).replace("``", "`")
