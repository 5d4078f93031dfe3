import json
from hashlib import blake2b
from typing import Any

import pytest

from midtrain_dagster.inference.engine import Completion
from midtrain_dagster.synthesis.methods.hierarchical_summary import (
    VERSION,
    WORKED_EXAMPLES,
    Config,
    broken,
    parse,
    prompt,
)
from tests.scripted_answers import made_by

GOLDEN = (1, "daccf5b45597fa0a")

TOWNS = ["Aalen", "Bergen", "Celle", "Dublin", "Essen", "Florenz", "Genua"]
PARAGRAPHS = [
    f"The lighthouse of {town} was finished in {1810 + at} by a mason whom nobody there remembers. "
    f"Around it lie {30 + at} islands, and a ferry goes to the largest of them in summer, when "
    "people come for the sand and for the birds that breed there."
    for at, town in enumerate(TOWNS)
]
TEXT = "\n\n".join(PARAGRAPHS)


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    small = {"minimum_bytes": 400, "maximum_bytes": 4_000, "chunk_bytes": 260, "together": 3}
    return Config(**{"domains": ["web"], "documents": 9, "generator": generator, **small, **fields})


def source_of(row: dict[str, Any]) -> str:
    return row["prompt"].rpartition("Text: ")[2].rpartition("\n")[0]


def said(row: dict[str, Any], number: int, _: Any) -> str:
    """A sentence about the first town of what is to be summarized."""
    words = source_of(row).replace(".", "").split()
    town = next(word for word in words if word in TOWNS)
    return f" A ferry goes to islands near the lighthouse, and {town} has birds."


def about(town: str, answer: Any, *, round: int = 1) -> Any:
    def script(row: dict[str, Any], number: int, request: Any) -> Any:
        hit = number == round and town in source_of(row)
        return answer if hit else said(row, number, request)

    return script


def test_summaries_are_summarized_until_one_is_left(documents) -> None:
    prompts: list[str] = []

    def script(row: dict[str, Any], number: int, request: Any) -> str:
        prompts.append(row["id"])
        return said(row, number, request)

    made = made_by(config(), documents(TEXT), script)
    (row,) = made.accepted.documents.rows(named=True)
    whole = f"d0:0-{len(TEXT)}"
    # Seven chunks, in groups of two, two and three, and those together.
    levels = [f"{whole}/0.{at}" for at in range(7)]
    levels += [f"{whole}/1.{at}" for at in range(3)] + [f"{whole}/2.0"]
    assert prompts == levels
    assert row["text"] == (
        f"{TEXT}\n\nSummary: A ferry goes to islands near the lighthouse, and Aalen has birds."
    )
    metadata = json.loads(row["metadata"])
    assert metadata["requests"] == levels
    assert (metadata["levels"], metadata["chunks"]) == (3, 7)
    assert metadata["scores"]["covered"] == 1
    assert metadata["seeds"] == [{"document": "d0", "start": 0, "stop": len(TEXT)}]
    assert made.accepted.rejects.is_empty()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "empty"),
        (" Yes.", "empty"),
        (WORKED_EXAMPLES[0][1], "prompt_echo"),
        (" The lighthouse of Celle has a ferry and some", "unfinished"),
        (Completion(" The lighthouse of Celle has a ferry.", "length", 1, 2), "unfinished"),
        (" The ferry goes. " * 9, "loop"),
        (" Here is a summary of the text: a ferry goes to islands there.", "remark"),
        (" The lighthouse of Celle was finished by a mason in 1999.", "number_added"),
        (" The lighthouse there was finished by Napoleon in summer.", "name_added"),
        (f" {PARAGRAPHS[2]}", "too_long"),
        (" Nothing of interest was ever told about such things at all.", "content_lost"),
        (" The lighthouse of Celle was finished in 1812 by a mason whom nobody remembers.", "copy"),
    ],
)
def test_a_lost_chunk_is_left_out_and_counted(documents, answer: Any, reason: str) -> None:
    made = made_by(config(), documents(TEXT), about("Celle", answer))
    assert made.accepted.rejects["reason"].to_list() == [reason]
    (told,) = made.accepted.documents["metadata"]
    assert json.loads(told)["scores"]["covered"] == pytest.approx(6 / 7, abs=0.01)


def test_too_little_covered_costs_the_document(documents) -> None:
    made = made_by(config(covered=0.95), documents(TEXT), about("Celle", ""))
    assert made.accepted.documents.is_empty()
    reasons = made.accepted.rejects["reason"].to_list()
    assert sorted(reasons) == ["empty"] + ["too_little_covered"] * 6
    assert made.asked == 7


@pytest.mark.parametrize("answer", ["", Completion("", fault="failed", detail="no")])
def test_a_lost_summary_of_summaries_costs_the_document(documents, answer: Any) -> None:
    made = made_by(config(), documents(TEXT), about("Celle", answer, round=2))
    assert made.accepted.documents.is_empty()
    assert made.accepted.rejects["reason"].to_list() == ["document_lost"] * 7


def test_requests_without_an_answer_are_counted_once(documents) -> None:
    failed = Completion("", fault="failed", detail="no")
    made = made_by(config(), documents(TEXT), about("Celle", failed))
    assert made.accepted.rejects["reason"].to_list() == ["failed"]
    none = made_by(config(), documents(TEXT), lambda row, number, _: failed)
    assert none.accepted.rejects["reason"].to_list() == ["failed"] * 7


def test_nothing_to_ask_about_makes_nothing(documents) -> None:
    made = made_by(config(), documents("short"), said)
    assert (made.asked, made.accepted.documents.height) == (0, 0)


@pytest.mark.parametrize(("text", "summary"), WORKED_EXAMPLES)
def test_worked_examples_hold(monkeypatch, text: str, summary: str) -> None:
    assert parse(f" {summary}\n\nText:") == summary
    assert broken(summary, text) == "prompt_echo"
    name = "midtrain_dagster.synthesis.methods.hierarchical_summary.WORKED_EXAMPLES"
    monkeypatch.setattr(name, ())
    assert broken(summary, text) is None
    assert prompt("a\n b").endswith("Text: a b\nSummary:")


def test_golden(documents) -> None:
    """Bump VERSION when this changes: stored documents were made by the old method."""
    told = [table.rows() for table in made_by(config(), documents(TEXT), said).accepted]
    assert (VERSION, blake2b(repr(told).encode(), digest_size=8).hexdigest()) == GOLDEN
