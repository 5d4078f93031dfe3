import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.inference.batches import generate_table
from midtrain_dagster.synthesis.collector import Collector
from midtrain_dagster.synthesis.methods.question_answer import (
    VERSION,
    WORKED_EXAMPLES,
    Config,
    Pair,
    locate,
    parse,
    prompt,
)
from midtrain_dagster.synthesis.passages import STOP
from midtrain_dagster.synthesis.tables import EXAMPLES, REJECTS

GOLDEN = (3, "9e188086e87e4fe9")

SMOLLM = Path(__file__).parents[4] / "data" / "smollm2-135m-instruct"


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    return Config(**{"domains": ["web"], "documents": 10, "generator": generator, **fields})


WHOLE = config(passage_bytes=1000)


def test_prompt_shows_examples_and_ends_before_the_question() -> None:
    text = prompt("One.\n\nTwo.")
    assert text.count("Answer: ") == len(WORKED_EXAMPLES)
    assert text.endswith(f"{STOP[0]}Passage: One. Two.\nQuestion:")


def test_worked_examples_would_be_accepted() -> None:
    for passage, question, answer in WORKED_EXAMPLES:
        assert locate(answer, passage)
        assert parse(f" {question}\nAnswer: {answer}\n\nPassage") == (question, answer)


@pytest.mark.parametrize(
    ("completion", "pair"),
    [
        (" Who? \nAnswer: A man.\n", Pair("Who?", "A man")),
        ("Question: Who?\n\n Answer:  “me”", Pair("Who?", "me")),
        (" Who?\nAnswer:", Pair("Who?", "")),
        (" Who is it\nAnswer: me", Pair("", "me")),
        ("", Pair("", "")),
        ("\nWho?\nAnswer: me", Pair("Who?", "me")),
    ],
)
def test_parse_finds_question_and_answer(completion: str, pair: Pair) -> None:
    assert parse(completion) == pair


@pytest.mark.parametrize(
    ("answer", "span"),
    [
        ("karl von stein", "Karl  von Stein"),
        ('"GROSSENSTEIN"', None),
        ('"Großenstein" was', "“Großenstein” was"),
        ("never lived", "never\nlived"),
        ("20,000", "20,000"),
        ("20", "20"),
        ("138", None),
        ("af", None),
        (".*", None),
        (" ", None),
    ],
)
def test_locate_finds_the_answer_at_the_bounds_of_words(
    castle: str, answer: str, span: str | None
) -> None:
    found = locate(answer, castle)
    assert (castle[slice(*found)] if found else None) == span


def test_accepted_pair_says_where_its_answer_stands(answered, castle) -> None:
    made = answered(WHOLE, " Who built the castle?\nAnswer: karl von stein.")
    (row,) = made.documents.rows(named=True)
    assert row["text"] == f"{castle}\n\nQuestion: Who built the castle?\nAnswer: Karl  von Stein"
    assert (row["kind"], row["domain"], row["source"]) == ("qa", "qa", "synthetic_it")
    metadata = json.loads(row["metadata"])
    span = metadata["answer"]
    assert castle.encode()[span["start"] : span["stop"]].decode() == "Karl  von Stein"
    assert metadata["document"] == "d0"
    assert metadata["passage"] == {"start": 0, "stop": len(castle.encode())}
    assert made.rejects.is_empty()
    (example,) = made.examples.rows(named=True)
    assert example["id"] == row["id"]
    assert [tuple(field.values()) for field in example["fields"]] == [
        ("Question", "Who built the castle?", True),
        ("Answer", "Karl  von Stein", True),
        ("Passage", castle, False),
    ]


def test_offsets_count_from_the_document_not_the_passage(documents, castle) -> None:
    sources = documents("x", castle)
    method = config(passages=9, passage_bytes=100, domain="quiz")
    table = method.prompts(sources).filter(pl.col("prompt").str.contains("burned"))
    table = table.with_columns(completion=pl.lit(" When did it burn down?\nAnswer: 1702"))
    made = method.accept(table, sources, Collector(method, source="s", written_by="m"))
    (row,) = made.documents.rows(named=True)
    span = json.loads(row["metadata"])["answer"]
    assert castle.encode()[span["start"] : span["stop"]] == b"1702"
    assert (row["language"], row["domain"]) == ("de", "quiz")
    assert row["text"].startswith("It burned down in 1702.\n\nQuestion:")


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        (" the castle", "no_question"),
        ("", "no_question"),
        (" Who built the castle?", "no_answer"),
        (" Who built the castle?\nAnswer: ...", "no_answer"),
        (" What do zebras mostly eat?\nAnswer: 1702", "prompt_echo"),
        (" What of the castle?\nAnswer: {}", "answer_too_long"),
        (" Who built the castle?\nAnswer: a giant", "answer_not_located"),
        (" Who is Karl von Stein?\nAnswer: von Stein", "question_repeats_answer"),
        (" What is the planet nearest the sun?\nAnswer: 1702", "question_not_about_passage"),
        (" What is it?\nAnswer: 1702", "question_not_about_passage"),
    ],
)
def test_rejection_has_its_reason(answered, castle, completion: str, reason: str) -> None:
    completion = completion.format(castle[80:220])
    made = answered(WHOLE, completion)
    assert made.documents.is_empty()
    assert made.rejects.select("reason", "completion").rows() == [(reason, completion)]


def test_question_is_taken_once(answered) -> None:
    made = answered(
        WHOLE,
        " Who built the castle?\nAnswer: a giant",
        " Who built the castle?\nAnswer: Karl von Stein",
        " Who  built the Castle?\nAnswer: von Stein",
    )
    assert made.documents.height == made.examples.height == 1
    assert made.rejects["reason"].to_list() == ["answer_not_located", "duplicate_question"]


def test_tables_of_no_completions_have_their_schemas(answered) -> None:
    made = answered(WHOLE)
    assert [table.schema for table in made] == [DOCUMENTS, REJECTS, EXAMPLES]


@pytest.mark.parametrize(
    "completion",
    [
        "**Question:** Who built it?\n**Answer:** Karl von Stein",
        "Sure! Here is a question:\n\nQuestion: Who built it?\nAnswer: Karl von Stein",
        " Who built it? Answer: Karl von Stein.",
        "1. Who built it?\r\nAnswer: \u201cKarl von Stein\u201d.\r\n",
    ],
)
def test_pairs_are_read_in_the_shapes_of_chat_models(completion: str) -> None:
    assert parse(completion) == ("Who built it?", "Karl von Stein")


def test_golden(documents, castle) -> None:
    """Bump VERSION when this changes: stored pairs were made by the old method."""
    sources = documents(castle, *(passage for passage, _, _ in WORKED_EXAMPLES))
    method = config(passages=2, passage_bytes=150)
    table = method.prompts(sources)
    completions = [
        " Who built the castle?\nAnswer: Karl von Stein.",
        " Is it?\nAnswer: 1702",
        " Which river flows for 2,850 km?\nAnswer: the Danube",
        " Which country?\nAnswer: Germany",
    ]
    table = table.with_columns(
        completion=pl.Series((completions * table.height)[: table.height], dtype=pl.String)
    )
    result = method.accept(
        table, sources, Collector(method, source="synthetic_question_answer", written_by="m")
    )
    made = [table.rows(), result.documents.rows(), result.rejects.rows()]
    assert result.documents.height == 2
    assert (VERSION, blake2b(repr(made).encode(), digest_size=8).hexdigest()) == GOLDEN


def test_smollm_writes_a_pair_that_is_located(documents) -> None:
    text = (
        "The bridge over the Tamar was opened by Prince Albert in May 1859. It carries the railway "
        "from Plymouth to Saltash, and its engineer was Isambard Kingdom Brunel. "
    )
    sources = documents(text + "It is still in use.", text + "Trains cross it slowly.")
    generator = {"engine": "transformers", "model": str(SMOLLM)}
    method = config(generator=generator, max_new_tokens=32)
    completed = generate_table(method.prompts(sources), method.request)
    made = method.accept(
        completed, sources, Collector(method, source="s", written_by=method.generator.name)
    )
    assert made.documents.height + made.rejects.height == 2
    assert made.documents.height >= 1
