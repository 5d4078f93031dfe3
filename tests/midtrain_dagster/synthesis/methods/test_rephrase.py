import json
from hashlib import blake2b
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.methods.rephrase import (
    VERSION,
    WORKED_EXAMPLES,
    Config,
    parse,
    prompt,
)
from midtrain_dagster.synthesis.passages import STOP
from midtrain_dagster.synthesis.tables import EXAMPLES, REJECTS

GOLDEN = (2, "b0f3a39add7183ef")

TOWER = (
    "The tower of the old mill was finished in 1871 by Anna Brandt, and about 2,400 sacks of flour "
    "left it in every month until the river was moved."
)
GOOD = (
    "Anna Brandt finished the old mill's tower in 1871. Until they moved the river, some 2,400 "
    "sacks of flour were shipped from there each month."
)


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    return Config(**{"domains": ["web"], "documents": 10, "generator": generator, **fields})


def test_prompt_shows_examples_and_ends_before_the_rephrasing() -> None:
    text = prompt("One.\n\nTwo.")
    assert text.count("Rephrased: ") == len(WORKED_EXAMPLES)
    assert text.endswith(f"{STOP[0]}Passage: One. Two.\nRephrased:")


@pytest.mark.parametrize(("passage", "rephrased"), WORKED_EXAMPLES)
def test_worked_examples_are_rejected_as_an_echo_and_for_nothing_else(
    answered, monkeypatch, passage: str, rephrased: str
) -> None:
    method = config(passage_bytes=1000)
    assert answered(method, rephrased, text=passage).rejects["reason"].to_list() == ["prompt_echo"]
    monkeypatch.setattr("midtrain_dagster.synthesis.methods.rephrase.WORKED_EXAMPLES", ())
    assert answered(method, rephrased, text=passage).documents.height == 1


def test_parse_takes_the_first_line() -> None:
    assert parse(" It is so.\nPassage: more") == "It is so."
    assert parse("Rephrased: It is so.") == "It is so."
    assert parse(" \n") == ""


def test_accepted_rephrasing_stands_alone_and_names_its_passage(answered) -> None:
    made = answered(config(), f" {GOOD}\nPassage: another", text=TOWER)
    (row,) = made.documents.rows(named=True)
    assert row["text"] == GOOD
    assert (row["kind"], row["domain"], row["source"]) == ("prose", "rephrased", "synthetic_it")
    passage = {"start": 0, "stop": len(TOWER)}
    assert json.loads(row["metadata"]) == {
        "family": "distillation",
        "form": "rephrased",
        "thought": "none",
        "generator": "a model",
        "prompt_version": 1,
        "requests": [f"d0:0-{len(TOWER)}"],
        "seeds": [{"document": "d0", **passage}],
        "document": "d0",
        "passage": passage,
    }
    (example,) = made.examples.rows(named=True)
    assert [tuple(field.values()) for field in example["fields"]] == [
        ("Rephrased", GOOD, True),
        ("Passage", TOWER, False),
    ]


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        ("", "empty"),
        (" ...\nAnna Brandt", "empty"),
        (WORKED_EXAMPLES[0][1], "prompt_echo"),
        (GOOD.removesuffix("."), "unfinished"),
        ("Anna Brandt finished the tower in 1871.", "too_short"),
        (f"{GOOD} {GOOD}", "too_long"),
        (GOOD.replace("2,400", "many"), "numbers_changed"),
        (GOOD.replace("1871", "1872"), "numbers_changed"),
        (GOOD.replace("each", "each of 12"), "numbers_changed"),
        (GOOD.replace("they", "King Otto"), "name_added"),
        (
            "In 1871 somebody made a thing that nobody has now heard of, and 2,400 others came out "
            "at times, as Anna Brandt said to us.",
            "content_lost",
        ),
        (TOWER, "copy"),
        (TOWER.replace("in every month", "monthly"), "copy"),
    ],
)
def test_rejection_has_its_reason(answered, completion: str, reason: str) -> None:
    made = answered(config(), completion, text=TOWER)
    assert made.documents.is_empty()
    assert made.rejects.select("reason", "completion").rows() == [(reason, completion)]


def test_rephrasing_is_taken_once(answered) -> None:
    made = answered(config(), GOOD, GOOD.replace(" ", "  "), text=TOWER)
    assert made.documents["text"].to_list() == [GOOD]
    assert made.rejects["reason"].to_list() == ["duplicate"]


def test_tables_of_no_completions_have_their_schemas(answered) -> None:
    made = answered(config())
    assert [table.schema for table in made] == [DOCUMENTS, REJECTS, EXAMPLES]


def test_golden(documents) -> None:
    """Bump VERSION when this changes: stored rephrasings were made by the old method."""
    sources = documents(TOWER, TOWER.replace("1871", "1872"))
    method = config()
    table = method.prompts(sources).with_columns(completion=pl.lit(f" {GOOD}\n"))
    result = method.accept(
        table, sources, Collector(method, source="synthetic_rephrase", written_by="m")
    )
    made = [table.rows(), *(each.rows() for each in result)]
    assert (result.documents.height, result.rejects.height) == (1, 1)
    assert (VERSION, blake2b(repr(made).encode(), digest_size=8).hexdigest()) == GOLDEN
