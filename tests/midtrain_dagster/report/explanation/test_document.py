"""The story of a document of the finished run is what its artifacts hold."""

from typing import Any

import polars as pl
import pytest

from midtrain_dagster.report.explanation.document import Story, story_of
from midtrain_dagster.report.explanation.document_search import find

SYNTHETIC = "synthesis/question_answer/"


def story(made: Any, tiny_run: Any, asked: str, *missing: str) -> Story:
    return story_of(made, find(made, asked), tiny_run.recipe.curation, missing)


def test_every_number_has_the_bounds_of_its_kind(made: Any, tiny_run: Any) -> None:
    short = made["curated_documents"].read("decisions")
    short = short.filter(reason="gopher_quality:word_count")["id"][0]
    found = story(made, tiny_run, short)
    by_name = {each.name: each for each in (*found.signals, *found.ratings)}
    words = by_name["word_count"]
    assert words.value == made["signals"].read("signals").filter(id=short)["word_count"][0]
    assert [(test.bound.side, test.bound.value, test.passed) for test in words.tests] == [
        ("minimum", 20, False),
        ("maximum", 100_000, True),
    ]
    assert by_name["quality"].tests == () and by_name["quality"].percentile is not None
    assert "id" not in by_name and "error" not in by_name


def test_a_kind_without_a_rule_has_no_bound(made: Any, tiny_run: Any) -> None:
    code = made["documents"].read("documents").filter(kind="mathematics")["id"][0]
    (sentences,) = [
        each for each in story(made, tiny_run, code).signals if each.name == "c4_sentences"
    ]
    assert sentences.tests == ()


def test_spans_are_cut_out_of_bytes_with_what_stands_around(made: Any, tiny_run: Any) -> None:
    row = made["personal_data"].read("personal_data").row(0, named=True)
    found = story(made, tiny_run, row["id"])
    text = found.document["text"].encode()
    (mail,) = found.personal_data
    assert (mail.label, mail.text) == (row["type"], text[row["start"] : row["stop"]].decode())
    assert (mail.before + mail.text + mail.after).encode() in text
    assert len(mail.before.encode()) == 60
    (edit,) = found.edits
    assert (edit.label, edit.text) == ("<EMAIL>", mail.text)
    repeated = made["repeated_text"].read("repeated_text").row(0, named=True)
    passage = story(made, tiny_run, repeated["id"]).repeated_text[0]
    assert (passage.label, passage.stop - passage.start) == (
        repeated["unit"],
        repeated["stop"] - repeated["start"],
    )


@pytest.mark.parametrize("prefix", ["", SYNTHETIC])
def test_only_what_the_document_needs_is_called_missing(
    made: Any, tiny_run: Any, prefix: str
) -> None:
    missing = ("tokenizer", "report", "contamination [gsm8k]", "signals", f"{SYNTHETIC}signals")
    documents = f"{prefix}documents"
    few = {documents: made[documents]}
    identity = made[documents].scan("documents").select(pl.col("id").first()).collect().item()
    found = story(few, tiny_run, identity, *missing)
    named = {"": ("contamination [gsm8k]", "signals"), SYNTHETIC: (f"{SYNTHETIC}signals",)}
    assert found.missing == named[prefix]
    assert found.decision is None and found.signals == () and found.edits == ()


def test_a_synthetic_document_has_its_origin(made: Any, tiny_run: Any) -> None:
    row = made[f"{SYNTHETIC}documents"].read("documents").row(0, named=True)
    found = story(made, tiny_run, row["id"])
    assert found.origin is not None and found.origin["id"] == found.metadata["document"]
    assert found.signals and found.decision is not None
