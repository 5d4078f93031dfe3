"""The reference of recipes, ``docs/recipe.md``: every section and field, written from the schema.

``python -m midtrain_dagster.recipe_reference`` writes it, and the schema for editors into
``recipes/recipe.schema.json``. A test keeps both equal to the models.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from midtrain_dagster.core.causes import NO_CAUSE
from midtrain_dagster.core.token_count import PATTERN
from midtrain_dagster.recipe_schema import (
    Schema,
    alternatives,
    document_schema,
    recipe_schema,
    resolved,
    tag_of,
)

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "recipes" / "recipe.schema.json"
REFERENCE = ROOT / "docs" / "recipe.md"

BEGINNING = """\
# Recipes

Every field that a recipe may have. This page is written from the fields themselves, and so is the
schema by which editors complete, explain and check a recipe that begins with
`# yaml-language-server: $schema=PATH/recipes/recipe.schema.json`. Both are written by
`python -m midtrain_dagster.recipe_reference`.

The least that a recipe says are a base, sources and stages:

```yaml
base: {checkpoint: ../models/my-base}
sources:
  notes: {reader: text, domain: notes, kind: prose, paths: ["notes/**/*.md"]}
stages:
  annealed:
    start: base
    inherit: {moments: {reset: "none are given"}, learning_rate: {reset: "it is not known"}}
    tokens: 4M
    batch_tokens: 65_536
    sequence_length: 1024
    schedule: [{phase: decay, shape: linear, start: 1.0e-4, to: 0}]
    mixture: {domains: {notes: 1}}
```

A **count** is a number of tokens: `400k`, `4M`, `50B`, `7.2T` or `65_536`. Relative paths start at
the recipe; `s3://`, `gs://` and `az://` are read as they are. A **section** has fields of its own,
which are told where it first occurs. What depends on a field is made anew when the field changes,
but for those that say **no** in the column *anew*: they change nothing in what is made. (The report
holds the whole recipe, and is written anew with any change.)
"""

BESIDE = {
    "sources": "How published data sets are named and read: [sources.md](sources.md).",
    "benchmarks": "Published benchmarks by name, and what each method measures: "
    "[benchmarks.md](benchmarks.md).",
    "stages": "What stages do with it: [training.md](training.md).",
}
"""Where more is said of a section than its fields say."""

HEAD = "| field | type | default | anew | |\n|---|---|---|---|---|"


def reference() -> str:
    """The page, in Markdown."""
    schema = recipe_schema()
    sections = {name: each for name, each in schema["properties"].items() if models_of(each)}
    plain = {name: each for name, each in schema["properties"].items() if name not in sections}
    lines = [BEGINNING, "## At the top", "", *_table(plain, schema["required"]), ""]
    # A control has the fields of its stage, which are told there.
    told = {_key(schema["$defs"]["Control"])}
    for name, section in sections.items():
        lines += [f"## `{name}`", "", *_introduction(name, section, schema["required"]), ""]
        lines += _models(models_of(section), told)
    return "\n".join(lines).rstrip() + "\n"


def models_of(schema: Schema) -> list[Schema]:
    """The sections that a field's value may be, or hold by name or in a list, each once."""
    found: list[Schema] = []
    for each in alternatives(schema):
        inner = [each[key] for key in ("items", "additionalProperties") if key in each]
        inner += each.get("patternProperties", {}).values()
        if "properties" in each:
            # A source that names a preset has the fields of its reader.
            found += [] if "preset" in each.get("required", []) else [each]
        else:
            found += [
                model for value in inner if isinstance(value, dict) for model in models_of(value)
            ]
    return [each for number, each in enumerate(found) if each not in found[:number]]


def _introduction(name: str, section: Schema, required: list[str]) -> Iterator[str]:
    words = [_sentence(section["description"])]
    words += ["Required."] if name in required else []
    words += [BESIDE[name]] if name in BESIDE else []
    yield " ".join(words)


def _models(models: list[Schema], told: set[str], name: str = "") -> Iterator[str]:
    """The sections that a field may hold, each told once: of a family, what all members have in
    common, and then what each has beside. ``name`` is the field's, for a heading."""
    anew = [each for each in models if _key(each) not in told]
    told.update(map(_key, anew))
    tags = [tag for each in models if (tag := tag_of(each))]
    if not anew:
        return
    if name:
        yield from (f"### `{name}`", "")
    common: dict[str, Schema] = {}
    if len(models) > 1 and len(tags) == len(models):
        yield f"`{tags[0][0]}` is one of {_either([f'`{value}`' for _, value in tags])}."
        yield ""
        first, *others = (each["properties"] for each in models)
        common = {
            field: each
            for field, each in first.items()
            if all(other.get(field) == each for other in others)
        }
        if common:
            yield from ("All of them have:", "", *_table(common, models[0].get("required", [])), "")
    for each in anew:
        yield from _model(each, common)
    for each in anew:
        for field, inner in each["properties"].items():
            yield from _models(models_of(inner), told, field)


def _model(model: Schema, common: dict[str, Schema]) -> Iterator[str]:
    """What a section is, and its fields but for those that its family has in common."""
    tag = tag_of(model)
    if tag:
        yield from (f"#### `{tag[0]}: {tag[1]}`", "")
    yield model["description"]
    yield ""
    fields = {
        name: each
        for name, each in model["properties"].items()
        if "const" not in each and name not in common
    }
    if fields:
        yield from (*_table(fields, model.get("required", [])), "")


def _key(model: Schema) -> str:
    return json.dumps(model, sort_keys=True)


def _table(fields: dict[str, Schema], required: list[str]) -> Iterator[str]:
    yield HEAD
    for name, field in fields.items():
        words = _sentence(field["description"]).replace("\n\n", " ")
        cells = (
            f"`{name}`",
            type_of(field),
            "required" if name in required else _default(field),
            "no" if field.get(NO_CAUSE) else "",
            words.replace("|", "\\|"),
        )
        yield f"| {' | '.join(cells)} |"


def _default(field: Schema) -> str:
    """The default; of a section only what is not the default of its own fields."""
    default = field.get("default")
    if isinstance(default, dict):
        of_models = [model["properties"] for model in models_of(field)]
        default = {
            name: value
            for name, value in default.items()
            if not any(value == each.get(name, {}).get("default") for each in of_models)
        }
        return f"`{_flow(default)}`" if default else ""
    return _code(default) if "default" in field else ""


def _flow(value: object) -> str:
    """A value as YAML in one line."""
    return yaml.safe_dump(value, default_flow_style=True, width=1000).strip()


def type_of(schema: Schema) -> str:
    """What a value may be, in a few words; null is not told where it is the default."""
    kinds = list(dict.fromkeys(_types(schema)))
    if "default" in schema and schema["default"] is None:
        kinds.remove("null")
    return _either(kinds)


def _types(schema: Schema) -> Iterator[str]:
    """Each kind of value that a schema allows."""
    if "$ref" in schema:
        yield from _types(resolved(schema))
    elif members := schema.get("oneOf") or schema.get("anyOf"):
        for member in members:
            yield from _types(member)
    elif "const" in schema or "enum" in schema:
        yield from map(_code, schema.get("enum", [schema.get("const")]))
    else:
        yield _type(schema)


def _type(schema: Schema) -> str:
    named = [schema.get("additionalProperties"), *schema.get("patternProperties", {}).values()]
    inner = [type_of(each) for each in named if isinstance(each, dict)]
    match schema["type"]:
        case [kind, "string"]:
            words = _number(schema, kind)
        case "array":
            words = f"list of {type_of(schema['items'])}" if "items" in schema else "list"
        case "object" if "properties" in schema:
            words = "section"
        case "object":
            words = f"by name: {_either(inner)}" if inner else "mapping"
        case kind:
            words = {"string": "text", "boolean": "true or false"}.get(kind, kind)
    return words


def _either(words: list[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def _number(schema: Schema, kind: str) -> str:
    """A number with its bounds; a count of tokens may be one."""
    if schema["pattern"] == PATTERN:
        return "count"
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[key]:g}" for key, sign in signs.items() if key in schema]
    return " ".join([kind, ", ".join(bounds)]).strip()


def _code(value: object) -> str:
    written = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return f"`{written}`"


def _sentence(words: str) -> str:
    """With a capital at the beginning and a full stop at the end."""
    ended = words if words.endswith((".", "`.")) else f"{words}."
    return ended[:1].upper() + ended[1:]


def write() -> None:
    """Write the page and the schema."""
    SCHEMA.write_text(schema_text(), "utf-8")
    REFERENCE.write_text(reference(), "utf-8")


def schema_text() -> str:
    """The schema as its file holds it."""
    return json.dumps(document_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    write()
