"""Tools out of a tool list of the Model Context Protocol: the JSON that ``tools/list`` answers.

Taken is the answer (``{"tools": [...]}``), the whole message of JSON-RPC around it (``result``),
the list alone, or several pages of it as an array. A tool has a ``name``, an ``inputSchema``, and
should have a ``description``. The server is not asked, so these tools are not executed.
"""

import json
from pathlib import Path
from typing import Any

from midtrain_dagster.synthesis.tools import parameters
from midtrain_dagster.synthesis.tools import tool as tools
from midtrain_dagster.synthesis.tools.parameters import SchemaError, answer_schema, object_schema
from midtrain_dagster.synthesis.tools.tool import Harvest, NoTool, Tool, described, tool_name

VERSION = 1
USES = (parameters, tools)


class NoToolListError(ValueError):
    """A file holds no list of tools; the message says what it holds."""


def mcp_tools(path: Path) -> Harvest:
    """The tools of a file. Raises ``NoToolListError``, or OSError for a file that is not there."""
    try:
        listed = _listed(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, RecursionError) as error:
        raise NoToolListError(f"{path.name} is no JSON of a list of tools: {error}") from error
    found: list[Tool] = []
    refused: list[NoTool] = []
    for number, each in enumerate(listed):
        named = each.get("name") if isinstance(each, dict) else None
        origin = f"{path.name}:{named if isinstance(named, str) else number}"
        try:
            found.append(_tool(each, origin))
        except SchemaError as error:
            refused.append(NoTool(origin, error.reason, str(error)))
    return Harvest(found, refused)


def _listed(value: Any) -> list[Any]:
    match value:
        case {"result": inner}:
            return _listed(inner)
        case {"tools": [*inner]}:
            return inner
        case [{"tools": _}, *_]:
            return [tool for page in value for tool in _listed(page)]
        case [*inner]:
            return inner
    raise NoToolListError("there is no `tools` in it")


def _tool(each: Any, origin: str) -> Tool:
    if not isinstance(each, dict) or not isinstance(each.get("name"), str):
        raise SchemaError("no_name", "a tool without a name")
    said = each.get("description") or each.get("title")
    if not isinstance(said, str) or not described(said):
        raise SchemaError("no_documentation", "nothing says what it does")
    schema = each.get("inputSchema", {"type": "object", "properties": {}})
    declared = each.get("outputSchema")
    answer = None if declared is None else answer_schema(declared, declared)
    parameters = object_schema(schema, schema)
    return Tool(tool_name(each["name"]), described(said), parameters, origin, answer=answer)
