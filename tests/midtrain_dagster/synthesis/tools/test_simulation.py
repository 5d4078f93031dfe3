"""Answers of tools that cannot be executed: held to their schema, their call and their session."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.inference.engines.transformers import Config
from midtrain_dagster.synthesis.method import Round
from midtrain_dagster.synthesis.tools import simulation
from midtrain_dagster.synthesis.tools.calling import Call, Failure, Result
from midtrain_dagster.synthesis.tools.mcp import mcp_tools
from midtrain_dagster.synthesis.tools.openapi import openapi_tools
from midtrain_dagster.synthesis.tools.parameters import value_fault
from midtrain_dagster.synthesis.tools.simulation import WORKED_EXAMPLES, contradiction, simulate
from midtrain_dagster.synthesis.tools.tool import Tool

PET = {
    "type": "object",
    "properties": {"pet_id": {"type": "integer"}, "name": {"type": "string"}},
    "required": ["pet_id", "name"],
}
ASKED = {"type": "object", "properties": {"pet_id": {"type": "integer"}}, "required": ["pet_id"]}
GET = Tool("get_pet", "Finds a pet.", ASKED, "it", answer=PET)
NAME = Tool("name_pet", "Names a pet.", ASKED, "it", answer=PET)
FREE = Tool("feed_pet", "Feeds a pet.", ASKED, "it")
TORN = Tool("torn", "Is torn.", ASKED, "it", answer="a reference to 'other.yaml'")
TOOLS = {tool.name: tool for tool in (GET, NAME, FREE, TORN)}
SIMULATOR = Config(model="m")


def play(
    sessions: dict[str, list[Call]], say: Callable[[str], str | None]
) -> tuple[dict[str, list[Result] | Failure], list[list[str]]]:
    """What each session came to, and the prompts of each round; None is a request that failed."""
    making, prompts = simulate(sessions, TOOLS, SIMULATOR, seed=3), []
    try:
        due: Round = next(making)
        while True:
            assert due.request.generator is SIMULATOR
            prompts.append(due.requests["prompt"].to_list())
            said = due.requests.with_columns(
                completion=pl.Series([say(each) for each in prompts[-1]], dtype=pl.String)
            )
            due = making.send(said.drop_nulls("completion"))
    except StopIteration as end:
        return end.value, prompts


def pet(number: int, name: str = "Io") -> str:
    return json.dumps({"pet_id": number, "name": name})


def answered(said: str, tool: Tool = GET, before: Sequence[tuple[Call, Result]] = ()) -> Any:
    return simulation.read(said, tool, Call(tool.name, {"pet_id": 7}), list(before))


def test_calls_of_a_session_are_asked_one_after_the_other() -> None:
    sessions = {
        "two": [Call("get_pet", {"pet_id": 7}), Call("feed_pet", {"pet_id": 7})],
        "same": [Call("get_pet", {"pet_id": 7}), Call("get_pet", {"pet_id": 7})],
    }
    made, rounds = play(sessions, lambda text: f" {pet(7)}\nTool: another")
    # The same call is answered alike, and not asked again.
    assert [len(each) for each in rounds] == [2, 1]
    assert [one.text for one in made["two"]] == [pet(7)] * 2
    assert [one.value for one in made["same"]] == [{"pet_id": 7, "name": "Io"}] * 2
    (second,) = rounds[1]
    own = second.rpartition("\n\n")[2]
    assert own.splitlines()[1:] == [
        "Schema of the answer: any JSON",
        f'Before: get_pet {{"pet_id": 7}} -> {pet(7)}',
        'Call: {"pet_id": 7}',
        "Answer:",
    ]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("The pet is Io.", "simulated_no_json"),
        ('{"pet_id": 7', "simulated_no_json"),
        ('{"pet_id": 7}', "simulated_bad_answer"),
        ('{"pet_id": "7", "name": "Io"}', "simulated_bad_answer"),
        (pet(8), "simulated_contradicts"),
        (None, "simulated_unanswered"),
    ],
)
def test_an_answer_that_does_not_hold_costs_its_session(said: str | None, reason: str) -> None:
    sessions = {"it": [Call("get_pet", {"pet_id": 7})], "other": [Call("feed_pet", {"pet_id": 1})]}
    made, _ = play(sessions, lambda text: said if "get_pet(" in text else "true")
    assert isinstance(made["it"], Failure) and made["it"].reason == reason
    assert [one.value for one in made["other"]] == [True]


def test_a_schema_that_cannot_be_read_is_not_asked_about() -> None:
    made, rounds = play({"it": [Call("torn", {"pet_id": 7})]}, lambda _: "{}")
    assert made["it"] == Failure("unreadable_schema", "torn: a reference to 'other.yaml'")
    assert not rounds


def test_what_was_shown_stays_true_but_for_what_a_call_gives() -> None:
    before = [(Call("get_pet", {"pet_id": 7}), Result("", {"pet_id": 7, "name": "Io", "age": 3}))]
    again = {"pets": [{"pet_id": 7, "name": "Max"}]}
    assert contradiction(again, Call("list", {}), before) == "pet_id 7 had name 'Io', now 'Max'"
    assert contradiction(again, Call("rename", {"name": "Max"}), before) is None
    assert contradiction({"pet_id": 8, "name": "Max"}, Call("list", {}), before) is None
    assert contradiction([{"pet_id": 7, "age": 3}], Call("list", {}), before) is None
    # What was changed since is what counts.
    changed = [*before, (Call("rename", {"name": "Max"}), Result("", {"pet_id": 7, "name": "Max"}))]
    assert contradiction(again, Call("list", {}), changed) is None


def test_worked_examples_hold_to_their_own_checks() -> None:
    for _, schema, before, arguments, answer in WORKED_EXAMPLES:
        value = json.loads(answer)
        if schema != "any JSON":
            assert value_fault(value, json.loads(schema)) is None
        shown = [
            (Call("it", {}), Result("", json.loads(each.rpartition(" -> ")[2]))) for each in before
        ]
        assert contradiction(value, Call("it", json.loads(arguments)), shown) is None


def test_schemas_of_answers_are_those_of_the_files(tmp_path: Path) -> None:
    listed = {"name": "a", "description": "Does it.", "outputSchema": PET}
    (tmp_path / "it.json").write_text(json.dumps({"tools": [listed]}))
    (tool,) = mcp_tools(tmp_path / "it.json").tools
    assert tool.answer == PET
    responses = {
        "well": "200: {content: {application/json: {schema: {$ref: '#/components/schemas/P'}}}}",
        "later": "'201': {$ref: '#/components/responses/Made'}",
        "torn": "200: {content: {application/json: {schema: {$ref: 'other.yaml#/P'}}}}",
        "lost": "200: {$ref: '#/components/responses/None'}",
        "text": "200: {content: {text/plain: {schema: {type: string}}}}",
        "bad": "404: {content: {application/json: {schema: {type: string}}}}",
    }
    paths = "".join(
        f"  /{name}: {{get: {{summary: Does it., responses: {{{each}}}}}}}\n"
        for name, each in responses.items()
    )
    (tmp_path / "it.yaml").write_text(
        f"openapi: 3.0.0\npaths:\n{paths}components:\n  schemas: {{P: {{type: integer}}}}\n"
        "  responses: {Made: {content: {application/json: {schema: {type: boolean}}}}}\n"
    )
    found = {tool.name: tool.answer for tool in openapi_tools(tmp_path / "it.yaml").tools}
    assert found == {
        "get_well": {"type": "integer"},
        "get_later": {"type": "boolean"},
        "get_torn": "a reference to 'other.yaml#/P'",
        "get_lost": "#/components/responses/None is not there",
        "get_text": None,
        "get_bad": None,
    }
