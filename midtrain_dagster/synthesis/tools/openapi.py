"""Tools out of a description of a web interface by OpenAPI 3: each operation is one.

Its parameters are those of the operation and of its path, and the properties of its JSON body; a
header or a cookie is none, since who calls the interface sets it and not a model. Two places for
one name, a body that is no object, a reference out of the file: that operation is refused, and the
others stand. Nothing is asked over the network, so these tools are not executed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from midtrain_dagster.synthesis.tools import parameters
from midtrain_dagster.synthesis.tools import tool as tools
from midtrain_dagster.synthesis.tools.parameters import (
    SchemaError,
    answer_schema,
    looked_up,
    object_schema,
    plain,
)
from midtrain_dagster.synthesis.tools.tool import Harvest, NoTool, Tool, described, tool_name

VERSION = 1
USES = (parameters, tools)

METHODS = ("get", "put", "post", "delete", "patch")


class NoDescriptionError(ValueError):
    """A file is no description by OpenAPI 3; the message says what it is."""


def openapi_tools(path: Path) -> Harvest:
    """The operations of a file, JSON or YAML.

    Raises ``NoDescriptionError``, or OSError for a file that is not there.
    """
    try:
        # JSON is YAML; the safe loader knows no tags, and dates stay what they are in neither.
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        said = " ".join(str(error).split())[:200]
        raise NoDescriptionError(f"{path.name} is neither JSON nor YAML: {said}") from error
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3."):
        raise NoDescriptionError(f"{path.name} does not say `openapi: 3.x`")
    found: list[Tool] = []
    refused: list[NoTool] = []
    for place, operation, shared in _operations(document):
        origin = f"{path.name}:{place}"
        try:
            found.append(_tool(place, operation, shared, document, origin))
        except SchemaError as error:
            refused.append(NoTool(origin, error.reason, str(error)))
    return Harvest(found, refused)


class _Loader(yaml.SafeLoader):
    """YAML's own types of JSON alone: a date in an example stays the text that it is."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, match) for tag, match in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, Any, list[Any]]]:
    """Each operation under ``METHOD PATH``, with the parameters of its path."""
    paths = document.get("paths")
    for path, item in paths.items() if isinstance(paths, dict) else ():
        if not isinstance(item, dict):
            continue
        shared = item.get("parameters")
        for method in METHODS:
            if method in item:
                yield f"{method} {path}", item[method], shared if isinstance(shared, list) else []


def _tool(place: str, operation: Any, shared: list[Any], document: Any, origin: str) -> Tool:
    if not isinstance(operation, dict):
        raise SchemaError("no_operation", f"a {type(operation).__name__}")
    said = operation.get("summary") or operation.get("description")
    if not isinstance(said, str) or not described(said):
        raise SchemaError("no_documentation", "neither a summary nor a description")
    properties: dict[str, Any] = {}
    required: list[str] = []
    own = operation.get("parameters")
    for each in (*shared, *(own if isinstance(own, list) else ())):
        found = looked_up(each["$ref"], document) if "$ref" in each else each
        if not isinstance(found, dict) or not isinstance(found.get("name"), str):
            raise SchemaError("no_schema", "a parameter without a name")
        if found.get("in") not in ("path", "query"):
            continue
        name = found["name"]
        properties[name] = _parameter(found, document)
        if found.get("required") or found["in"] == "path":
            required.append(name)
    body = _body(operation.get("requestBody"), document)
    both = sorted(properties.keys() & body.get("properties", {}).keys())
    if both:
        raise SchemaError("two_places", f"{', '.join(both)} in the path or query and in the body")
    properties |= body.get("properties", {})
    required += body.get("required", [])
    schema = {"type": "object", "properties": properties, "required": list(dict.fromkeys(required))}
    named = operation.get("operationId")
    name = tool_name(named if isinstance(named, str) and named else place)
    answer = _answer(operation.get("responses"), document)
    return Tool(name, described(said), object_schema(schema, document), origin, answer=answer)


def _parameter(found: dict[str, Any], document: Any) -> dict[str, Any]:
    schema = plain(found.get("schema", {"type": "string"}), document)
    said = found.get("description")
    return schema | ({"description": said} if isinstance(said, str) and said else {})


def _answer(responses: Any, document: Any) -> dict[str, Any] | str | None:
    """The schema of what it answers where all goes well, as JSON; None: none is declared."""
    if not isinstance(responses, dict):
        return None
    # Statuses are texts in JSON and often numbers in YAML.
    by_status = {str(status): each for status, each in responses.items()}
    well = [status for status in sorted(by_status) if status.startswith("2")]
    for status in (*well, "default"):
        try:
            found: Any = by_status.get(status)
            found = looked_up(found["$ref"], document) if _refers(found) else found
        except SchemaError as error:
            return str(error)
        content = found.get("content") if isinstance(found, dict) else None
        for kind, media in content.items() if isinstance(content, dict) else ():
            if "json" in kind and isinstance(media, dict) and "schema" in media:
                return answer_schema(media["schema"], document)
    return None


def _refers(found: Any) -> bool:
    return isinstance(found, dict) and "$ref" in found


def _body(body: Any, document: Any) -> dict[str, Any]:
    """The schema of a JSON body, empty where there is none."""
    if body is None:
        return {}
    if isinstance(body, dict) and "$ref" in body:
        body = looked_up(body["$ref"], document)
    content = body.get("content") if isinstance(body, dict) else None
    for kind, media in (content or {}).items() if isinstance(content, dict) else ():
        if "json" in kind and isinstance(media, dict) and "schema" in media:
            schema = plain(media["schema"], document)
            if schema.get("type") != "object":
                raise SchemaError("no_object", "its body is no object")
            return schema
    raise SchemaError("no_json", "its body is no JSON")
