import json
from hashlib import blake2b
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.inference.batches import COMPLETED
from midtrain_dagster.inference.engine import Completion
from midtrain_dagster.inference.generator import Request
from midtrain_dagster.synthesis.answers import Answered
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.frame import Made, drive
from midtrain_dagster.synthesis.methods.templates import (
    VERSION,
    WORKED_EXAMPLES,
    Config,
    parse,
    prompt,
)

GOLDEN = (1, "a6c2c593779afb80")

EASY = ["chain_sum", "coin_flip", "family_relationships"]
GENERATOR = {"engine": "transformers", "model": "m"}
NONE_THERE = pl.DataFrame(schema=DOCUMENTS)


def config(**fields: Any) -> Config:
    return Config(**{"problems": 12, "templates": EASY, **fields})


def made(method: Config, answer: Any = None) -> Made:
    """What a method makes; ``answer`` gives the completion to a prompt."""

    def ask(requests: pl.DataFrame, request: Request, number: int) -> Answered:
        told = [Completion(answer(prompt)) for prompt in requests["prompt"]]
        table = requests.with_columns(key=pl.col("id")).hstack(
            pl.DataFrame(told, COMPLETED, orient="row")
        )
        return Answered(table, [], requests.height)

    collector = Collector(method, source="synthetic_it", written_by="it")
    return drive(method.make(method.choose(NONE_THERE), collector), ask)


def test_problems_are_shared_out_evenly() -> None:
    drawn = config(problems=8, levels=[0, 2]).choose(NONE_THERE)
    assert drawn.rows() == [
        *(("chain_sum", 0, 2), ("coin_flip", 0, 2), ("family_relationships", 0, 1)),
        *(("chain_sum", 2, 1), ("coin_flip", 2, 1), ("family_relationships", 2, 1)),
    ]
    assert config(problems=1).choose(NONE_THERE).rows() == [("chain_sum", None, 1)]


def test_without_a_generator_a_document_is_a_problem_and_its_answer() -> None:
    result = made(config(levels=[1]))
    documents = result.accepted.documents
    assert documents.height + result.accepted.rejects.height == result.first == 12
    assert (result.asked, result.tokens_out, result.requests.height) == (0, 0, 0)
    row = documents.row(0, named=True)
    assert row["kind"] == "mathematics"
    assert "\n\nAnswer: " in row["text"]
    described = json.loads(row["metadata"])
    assert described["seeds"] == [{"name": "reasoning_gym/chain_sum"}]
    assert (described["template"], described["category"]) == ("chain_sum", "arithmetic")
    assert (described["level"], described["thought"]) == (1, "none")
    assert described["scores"] == {"verified": 1.0}


def test_a_template_that_repeats_itself_is_rejected_and_counted() -> None:
    settings = {"coin_flip": {"min_trials": 3, "max_trials": 3}}
    result = made(config(problems=60, templates=["coin_flip"], settings=settings))
    assert set(result.accepted.rejects["reason"]) == {"duplicate"}
    assert result.accepted.documents["text"].n_unique() == result.accepted.documents.height
    assert result.accepted.documents.height + result.accepted.rejects.height == 60


def test_reasoning_is_kept_where_it_ends_in_what_is_right() -> None:
    truth = {
        row["text"].partition("\n\nAnswer: ")[0]: row["text"].partition("\n\nAnswer: ")[2]
        for row in made(config(templates=["chain_sum"])).accepted.documents.rows(named=True)
    }
    thought = " Adding from left to right gives\nthe sum.\nAnswer: "
    ways = [
        (lambda answer: f"{thought}{answer}", None),
        (lambda answer: f"{thought}{answer}1", "wrong_answer"),
        (lambda answer: f" It is {answer}, as one sees at once.", "no_answer"),
        (lambda answer: f"\nAnswer: {answer}", "no_reasoning"),
        (lambda answer: "", "no_answer"),
    ]

    def answer(asked: str) -> str:
        question = asked.rpartition("Problem: ")[2].removesuffix("\nReasoning:")
        way = list(truth).index(question) % len(ways)
        return str(ways[way][0](truth[question]))

    result = made(config(templates=["chain_sum"], generator=GENERATOR), answer)
    assert result.first == 12
    reasons = [reason for _, reason in ways if reason]
    assert set(result.accepted.rejects["reason"]) == set(reasons)
    assert result.accepted.documents.height == 3
    for row in result.accepted.documents.rows(named=True):
        question, reasoning, told = row["text"].split("\n\n")
        assert told == f"Answer: {truth[question]}"
        assert reasoning == "Adding from left to right gives\nthe sum."
        assert json.loads(row["metadata"])["thought"] == "short"


def test_templates_without_an_answer_are_scored_where_there_is_a_generator() -> None:
    method = config(templates=["graph_color"], problems=2, generator=GENERATOR)
    result = made(method, lambda asked: " One colour is enough for them.\nAnswer: {}")
    assert result.accepted.rejects["reason"].to_list() == ["wrong_answer"] * 2


@pytest.mark.parametrize(
    ("fields", "place", "told"),
    [
        ({"templates": ["chain_sums"]}, ("templates",), "did you mean"),
        ({"settings": {"lcm": {}}}, ("settings", "lcm"), "asked for"),
        ({"settings": {"chain_sum": {"terms": 3}}}, ("settings", "chain_sum"), "terms"),
    ],
)
def test_what_cannot_be_drawn_is_found_before_a_run(fields: Any, place: Any, told: str) -> None:
    (finding,) = config(**fields).findings(str)
    assert finding.place == place
    assert told in finding.reason


def test_findings_of_what_can_be_drawn_are_those_of_the_generator() -> None:
    assert not list(config(levels=[0, 9]).findings(str))
    generator = {**GENERATOR, "model": "/nowhere"}
    (finding,) = config(generator=generator).findings(str)
    assert finding.place == ("generator", "model")


def test_worked_examples_are_parsed_as_they_are_written() -> None:
    for question, reasoning, answer in WORKED_EXAMPLES:
        assert parse(f" {reasoning}\nAnswer: {answer}\n") == (reasoning, answer)
        assert f"Problem: {question}\n" in prompt("Why?")
    assert prompt("Why?").endswith("\n\nProblem: Why?\nReasoning:")


def test_golden() -> None:
    """Bump VERSION when this changes, be it by a new reasoning-gym: stored problems are others."""
    result = made(config(problems=40, templates=[], levels=[1], seed=3))
    told = result.accepted.documents["text"].to_list()
    assert (VERSION, blake2b(repr(told).encode(), digest_size=8).hexdigest()) == GOLDEN
