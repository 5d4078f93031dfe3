"""Schemas of parameters: made plain where they are given, and what arguments are held against.

A given schema is resolved (``$ref`` into its own document, ``allOf``), cut to what models are told,
and refused where it is none. References to other documents are never followed, so nothing is
fetched. Arguments are checked by ``jsonschema`` (draft 2020-12), without ``pattern``: a stranger's
regular expression may take for ever on a model's text.
"""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError as NotAValidSchema
from jsonschema.validators import extend

from midtrain_dagster.synthesis.tools.tool import MOST_PARAMETERS

VERSION = 1

DEEPEST = 6
"""Schemas in schemas: one that refers to itself ends here, and its tool is refused."""

KEPT = (
    "type", "description", "enum", "const", "format", "default", "minimum", "maximum", "multipleOf",
    "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems",
    "uniqueItems", "oneOf", "anyOf",
)  # fmt: skip
"""What of a schema is told; ``properties``, ``required`` and ``items`` beside."""

LONGEST_DESCRIPTION = 200

_Validator = extend(Draft202012Validator, {"pattern": lambda *_: None})
_CHECKER = Draft202012Validator.FORMAT_CHECKER


class SchemaError(ValueError):
    """A schema that no tool can have; ``reason`` is a fixed word to count by."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def object_schema(schema: Any, document: Any) -> dict[str, Any]:
    """A schema of an object, without references; they are looked up in ``document``.

    Raises :class:`SchemaError`.
    """
    made = plain(schema, document)
    if made.get("type", "object") != "object":
        raise SchemaError("no_object", f"its parameters are of the type {made.get('type')!r}")
    properties = made.get("properties", {})
    if len(properties) > MOST_PARAMETERS:
        raise SchemaError("many_parameters", f"{len(properties)} parameters")
    required = [name for name in made.get("required", ()) if name in properties]
    whole = {"type": "object", "properties": properties, "required": required}
    try:
        Draft202012Validator.check_schema(whole)
    except NotAValidSchema as error:
        raise SchemaError("no_schema", error.message) from error
    return whole


def plain(schema: Any, document: Any, *, depth: int = 0) -> dict[str, Any]:
    """A schema without references, as far as it is told. Raises :class:`SchemaError`."""
    if depth > DEEPEST:
        raise SchemaError("nested", "its schemas nest too deeply, or refer to themselves")
    if not isinstance(schema, dict):
        raise SchemaError("no_schema", f"a {type(schema).__name__} where a schema should be")
    if "$ref" in schema:
        return plain(looked_up(schema["$ref"], document), document, depth=depth + 1)
    parts = schema.get("allOf")
    if isinstance(parts, list) and parts:
        return _merged([{**schema, "allOf": None}, *parts], document, depth)
    made = {key: schema[key] for key in KEPT if key in schema}
    if isinstance(made.get("description"), str):
        made["description"] = " ".join(made["description"].split())[:LONGEST_DESCRIPTION]
    for several in ("oneOf", "anyOf"):
        if several in made:
            made[several] = [plain(each, document, depth=depth + 1) for each in made[several]]
    # OpenAPI 3.0 has booleans where JSON schema has bounds, and a word for null.
    for bound, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(made.get(bound), bool):
            is_exclusive = made.pop(bound)
            if is_exclusive and limit in made:
                made[bound] = made.pop(limit)
    if isinstance(schema.get("properties"), dict):
        made["type"] = "object"
        made["properties"] = {
            str(name): plain(each, document, depth=depth + 1)
            for name, each in schema["properties"].items()
        }
        made["required"] = [
            each for each in _list(schema.get("required")) if each in made["properties"]
        ]
    if "items" in schema:
        made["items"] = plain(schema["items"], document, depth=depth + 1)
    return made


def looked_up(reference: Any, document: Any) -> Any:
    """What a reference into the same document names. Raises :class:`SchemaError`."""
    if not isinstance(reference, str) or not reference.startswith("#/"):
        raise SchemaError("refers_elsewhere", f"a reference to {reference!r}")
    found = document
    for step in reference[2:].split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or key not in found:
            raise SchemaError("broken_reference", f"{reference} is not there")
        found = found[key]
    return found


def fault(arguments: Any, schema: Mapping[str, Any]) -> str | None:
    """What is wrong with arguments, in a line; none: the schema allows them, and so are there no
    others than it names."""
    if not isinstance(arguments, dict):
        return f"the arguments are a {type(arguments).__name__}, not an object"
    unknown = sorted(arguments.keys() - schema.get("properties", {}).keys())
    if unknown:
        return f"there is no parameter {', '.join(map(repr, unknown))}"
    return value_fault(arguments, schema)


def value_fault(value: Any, schema: Mapping[str, Any]) -> str | None:
    """What is wrong with a value, in a line; none: the schema allows it."""
    try:
        error = next(_Validator(schema, format_checker=_CHECKER).iter_errors(value), None)
    except RecursionError:
        return "the values nest too deeply"
    if error is None:
        return None
    where = "/".join(map(str, error.absolute_path))
    return f"{where}: {error.message}"[:300] if where else error.message[:300]


def answer_schema(schema: Any, document: Any) -> dict[str, Any] | str:
    """A declared schema of answers, without references; a text: why it cannot be read."""
    try:
        made = plain(schema, document)
        Draft202012Validator.check_schema(made)
    except SchemaError as error:
        return str(error)
    except NotAValidSchema as error:
        return error.message[:300]
    return made


def _merged(parts: list[Any], document: Any, depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for each in parts:
        one = plain(each, document, depth=depth + 1)
        properties = {**made.get("properties", {}), **one.get("properties", {})}
        required = [*made.get("required", ()), *one.get("required", ())]
        made |= one
        if properties:
            made |= {"properties": properties, "required": list(dict.fromkeys(required))}
    return made


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
