"""Requests and calls that a scripted generator writes, executed in the real sandbox."""

import json
import re
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.inference.batches import COMPLETED
from midtrain_dagster.inference.engine import Completion
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis.answers import Answered
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.frame import Made, drive
from midtrain_dagster.synthesis.methods.tool_tasks import (
    VERSION,
    WORKED_EXAMPLES,
    Config,
    mending_prompt,
    parse,
    prompt,
)
from midtrain_dagster.synthesis.tools.calling import Call
from midtrain_dagster.synthesis.tools.meaning import says_all
from midtrain_dagster.synthesis.tools.tool import Tool
from midtrain_dagster.synthesis.tools.written import Misspelt, listed, read, spelt
from midtrain_dagster.tokens.transcript import LAYOUT, restored

GOLDEN = (1, "35aeb524f3bea96d")

GENERATOR = {"engine": "transformers", "model": "m"}
ROOT = Tool(
    "root",
    "The square root of x.",
    {
        "type": "object",
        "properties": {"x": {"type": "number"}, "unit": {"enum": ["m", "s"]}},
        "required": ["x"],
    },
    "it:root",
)


def config(**fields: Any) -> Config:
    tools = {"python": ["math"]}
    return Config(**{"tools": tools, "tasks": 12, "parallel": 0, "generator": GENERATOR, **fields})


def make(method: Config, say: Callable[[str, int], str]) -> Made:
    def ask(requests: pl.DataFrame, request: Request, number: int) -> Answered:
        said = [Completion(say(each, number)) for each in requests["prompt"]]
        table = requests.with_columns(key=pl.lit(str(number)) + "id").hstack(
            pl.DataFrame(said, COMPLETED, orient="row")
        )
        return Answered(table, [Part(table="answers", path="p", digest="", bytes=1)], table.height)

    collector = Collector(method, source="synthetic_it", written_by="a model")
    return drive(method.make(DOCUMENTS.to_frame(), collector), ask)


def one_number(text: str) -> str | None:
    """A tool of the task that takes one number, by its line in the prompt."""
    task = text.rpartition("Tools:\n")[2]
    found = re.search(r"^(\w+)\(x: number[,)]", task, re.MULTILINE)
    return found[1] if found else None


def good(text: str, number: int) -> str:
    name = one_number(text) or "none"
    x = int(blake2b(text.encode(), digest_size=2).hexdigest(), 16) / 4
    return (
        f' What does {name} make of {x}?\nJSON: [{{"name": "{name}", "arguments": {{"x": {x}}}}}]'
    )


def reasons(made: Made) -> set[str]:
    return set(made.accepted.rejects["reason"])


def conversations(made: Made) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    told = []
    for text, metadata in made.accepted.documents.select("text", "metadata").iter_rows():
        described = json.loads(metadata)
        told.append((described, restored(text, described[LAYOUT])["messages"]))
    return told


def test_what_passes_is_a_trajectory_with_its_results() -> None:
    made = make(config(), good)
    told = conversations(made)
    assert len(told) > 3
    for metadata, (asked, called, result, answer) in told:
        (call,) = called["tool_calls"]
        assert metadata["executed"] is True
        assert str(call["function"]["arguments"]["x"]) in asked["content"]
        assert result["content"] in answer["content"]
    assert len(told) + made.accepted.rejects.height == 12


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        ("", "no_request"),
        (" ???\nJSON: []", "no_request"),
        (f" {WORKED_EXAMPLES[0][2]}\nJSON: {WORKED_EXAMPLES[0][3]}", "prompt_echo"),
        (" What is it?", "no_json"),
        (" What is it?\nJSON: [{", "no_json"),
        (" What is it?\nJSON: []", "no_call"),
        (' What is it?\nJSON: [{"name": 7}]', "no_call"),
        (' What is 2?\nJSON: [{"name": "no", "arguments": {"x": 2}}]', "unknown_tool"),
        (' What is 2?\nJSON: [{"name": "TOOL", "arguments": {"y": 2}}]', "bad_arguments"),
        (
            ' Of 2?\nJSON: [{"name": "TOOL", "arguments": {"x": 2}}, {"name": "TOOL"}]',
            "wrong_count",
        ),
        (' What is 3?\nJSON: [{"name": "TOOL", "arguments": {"x": 2}}]', "value_made_up"),
        (' What is 2?\nJSON: [{"name": "TOOL", "arguments": {"x": 2}}]', "duplicate"),
    ],
)
def test_a_reject_has_its_reason(completion: str, reason: str) -> None:
    def say(text: str, number: int) -> str:
        return completion.replace("TOOL", one_number(text) or "none") if number == 1 else ""

    method = config(tasks=6, offered=12)
    assert reason in reasons(make(method, say))
    assert reason in method.CHECKS


def test_what_raises_an_error_is_mended_with_the_error() -> None:
    def say(text: str, number: int) -> str:
        name = one_number(text) or "none"
        wrong = {"x": "two"} if name != "math_sqrt" else {"x": -2}
        given = wrong if number == 1 else {"x": 2}
        call = json.dumps([{"name": name, "arguments": given}])
        return call if number == 2 else f" What does {name} make of 2 or -2?\nJSON: {call}"

    made = make(config(offered=4, tasks=40), say)
    told = conversations(made)
    assert {metadata["mistake"] for metadata, _ in told} == {"bad_arguments", "raised"}
    for metadata, messages in told:
        assert metadata["form"] == "tool_recovery"
        assert len(metadata["requests"]) == 2
        _, first, error, second, *_ = messages
        assert error["content"].startswith("Error: ")
        assert first["tool_calls"][0]["function"] != second["tool_calls"][0]["function"]


def test_a_judge_has_its_say() -> None:
    def say(text: str, number: int) -> str:
        if number < 3 and "Criterion:" not in text:
            return good(text, number)
        judged.append(text)
        return " 5" if "nothing else" in text.rpartition("Criterion:")[2] else marks.pop()

    for mark, reason in ((" 5", None), (" 3", "judged_unfit"), ("none", "judge_unreadable")):
        judged: list[str] = []
        marks = [mark] * 99
        made = make(config(judge=GENERATOR), say)
        assert judged
        assert "Results:" in judged[0].rpartition("Text:")[2]
        assert (reason in reasons(made)) is (reason is not None)
        assert bool(made.accepted.documents.height) is (reason is None)
    assert all(
        each["scores"] == {"judge": 5.0}
        for each, _ in conversations(
            make(
                config(judge=GENERATOR),
                lambda text, number: good(text, number) if "Criterion:" not in text else "5",
            )
        )
    )


def test_tools_of_a_list_are_held_against_format_and_meaning(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text(
        json.dumps([{"name": "root", "description": "Of x.", "inputSchema": ROOT.parameters}])
    )
    method = config(tools={"python": [], "mcp": [str(path)]}, tasks=3)
    made = make(method, good)
    assert [each["executed"] for each, _ in conversations(made)] == [False]
    assert [len(messages) for _, messages in conversations(made)] == [2]
    assert reasons(made) == {"duplicate"}


def test_tools_of_a_list_are_played_where_a_simulator_is_named(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    listed = {"name": "root", "description": "Of x.", "inputSchema": ROOT.parameters}
    path.write_text(json.dumps([{**listed, "outputSchema": {"type": "number"}}]))
    tools = {"python": [], "mcp": [str(path)]}

    def played(answer: str) -> Made:
        return make(
            config(tools=tools, tasks=1, simulator=GENERATOR),
            lambda text, number: answer if text.endswith("Answer:") else good(text, number),
        )

    ((metadata, messages),) = conversations(played(" 2.0"))
    assert (metadata["executed"], metadata["simulated"]) == (False, True)
    assert [each["role"] for each in messages] == ["user", "assistant", "tool", "assistant"]
    assert reasons(played(" two")) == {"simulated_no_json"}


def test_worked_examples_say_their_values() -> None:
    for tools, count, request, spelling in WORKED_EXAMPLES:
        calls = read(spelling)
        assert not isinstance(calls, Misspelt)
        assert len(calls) == count
        assert spelt(calls) == spelling
        assert all(any(line.startswith(f"{call.name}(") for line in tools) for call in calls)
        assert says_all([[*call.arguments.values()] for call in calls], request)


def test_a_tool_is_listed_on_a_line() -> None:
    assert listed(ROOT) == 'root(x: number, unit?: "m" or "s") - The square root of x.'
    assert prompt([ROOT], 2).endswith(f"Tools:\n{listed(ROOT)}\nCalls: 2\nRequest:")


@given(st.text() | st.text(alphabet='[{"name:,}] 1'))
def test_whatever_is_said_is_read_or_refused(text: str) -> None:
    assert isinstance(read(text), list | Misspelt)
    assert parse(text, [ROOT], 1, identity="it")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "\nJSON:" * 100_000])
def test_hostile_answers_are_refused_at_once(text: str) -> None:
    assert isinstance(read(text), Misspelt)
    assert type(parse(text, [ROOT], 1, identity="it")).__name__ == "_Wrong"


@given(
    st.lists(
        st.tuples(st.text(), st.dictionaries(st.text(), st.integers() | st.text())),
        min_size=1,
        max_size=8,
    )
)
def test_what_is_spelt_is_read(pairs: list[tuple[str, dict[str, Any]]]) -> None:
    calls = [Call(name, arguments) for name, arguments in pairs]
    spelling = spelt(calls)
    if len(spelling) < 8_000:
        assert read(f" Here: {spelling} and more [") == calls


def test_golden() -> None:
    """Bump VERSION when this changes: stored tasks were asked for by the old prompt."""
    wrong = parse(' What?\nJSON: [{"name": "no", "arguments": {}}]', [ROOT], 1, identity="it")
    told = repr([prompt([ROOT], 1), mending_prompt([ROOT], wrong)])  # type: ignore[arg-type]
    assert (VERSION, blake2b(told.encode(), digest_size=8).hexdigest()) == GOLDEN
