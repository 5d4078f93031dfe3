import json
from pathlib import Path
from typing import Any

import pytest

from midtrain_dagster.synthesis.tools.mcp import NoToolListError, mcp_tools

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"name": "weather", "description": "Tells the weather.", "inputSchema": SCHEMA}


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda tools: {"tools": tools},
        lambda tools: {"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}},
        lambda tools: tools,
        lambda tools: [{"tools": [each]} for each in tools],
    ],
)
def test_a_list_is_read_in_each_of_its_forms(tmp_path: Path, wrapped: Any) -> None:
    many = {f"p{number}": {"type": "string"} for number in range(13)}
    bad = [
        {"name": "quiet", "inputSchema": SCHEMA},
        {"description": "Nameless."},
        {"name": "list", "description": "Of a list.", "inputSchema": {"type": "array"}},
        {"name": "odd", "description": "No schema.", "inputSchema": {"type": "objects"}},
        {"name": "big", "description": "Big.", "inputSchema": {"properties": many}},
        7,
    ]
    path = tmp_path / "server.json"
    path.write_text(json.dumps(wrapped([WEATHER, *bad[:5]])))
    found = mcp_tools(path)
    (tool,) = found.tools
    assert (tool.name, tool.description, tool.parameters) == (
        "weather",
        "Tells the weather.",
        SCHEMA,
    )
    assert tool.schema["function"]["parameters"] is tool.parameters
    assert [each.reason for each in found.refused] == [
        "no_documentation",
        "no_name",
        "no_object",
        "no_object",
        "many_parameters",
    ]


@pytest.mark.parametrize("text", ["", "{}", "7", '{"tools": 7}', "[" * 100_000])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "it.json"
    path.write_text(text)
    with pytest.raises(NoToolListError):
        mcp_tools(path)


def test_what_is_no_object_is_no_tool(tmp_path: Path) -> None:
    path = tmp_path / "it.json"
    path.write_text(json.dumps([7, WEATHER]))
    assert [each.reason for each in mcp_tools(path).refused] == ["no_name"]
