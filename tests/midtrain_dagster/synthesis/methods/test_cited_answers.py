import json
import re
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.inference.engine import Completion
from midtrain_dagster.synthesis.methods.cited_answers import (
    VERSION,
    WORKED_EXAMPLES,
    Answered,
    Config,
    Statement,
    broken,
    parse,
    prompt,
    supported,
)
from tests.scripted_answers import made_by

GOLDEN = (2, "a53f5e0f3f5a3566")

SENTENCES = (
    "The castle was built in 1384 by Karl von Stein.",
    "He never lived in it.",
    "It burned down in 1702.",
    "Today a museum stands on its walls.",
    "About 20,000 people visit the museum in a year.",
    "The way up is steep, and there is no road.",
)
TEXT = "\n\n".join([" ".join(SENTENCES[:3]), " ".join(SENTENCES[3:])])
GOOD = (
    " What became of the castle?\nAnswer: The castle was built by Karl von Stein in 1384 [1]. It "
    "burned down, and now a museum stands on its walls [3][4]. It is worth a visit."
)


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    small = {"minimum_bytes": 200, "maximum_bytes": 2_000}
    return Config(**{"domains": ["web"], "documents": 9, "generator": generator, **small, **fields})


def answered(documents: Any, completion: Any, **fields: Any) -> Any:
    return made_by(config(**fields), documents(TEXT), lambda row, number, _: completion)


def test_an_answer_stands_behind_numbered_sentences(documents) -> None:
    made = answered(documents, GOOD)
    (row,) = made.accepted.documents.rows(named=True)
    shown, _, asked = row["text"].partition("\n\nQuestion: ")
    assert shown.split("\n") == [f"[{at}] {each}" for at, each in enumerate(SENTENCES, 1)]
    assert asked == (
        "What became of the castle?\nAnswer: The castle was built by Karl von Stein in 1384 [1]. "
        "It burned down, and now a museum stands on its walls [3][4]. It is worth a visit."
    )
    metadata = json.loads(row["metadata"])
    assert metadata["cited"] == [1, 3, 4]
    assert metadata["depths"] == [0.0, 0.3333, 0.5]
    assert metadata["scores"] == {"cited": 0.6667}
    assert metadata["seeds"] == [{"document": "d0", "start": 0, "stop": len(TEXT)}]


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        ("", "no_question"),
        (" What of it\nAnswer: It burned down in 1702 [3].", "no_question"),
        (" What of it?", "no_answer"),
        (" What of it?\nAnswer:", "no_answer"),
        (" Where does the Danube begin and end?\nAnswer: It burned down [3].", "prompt_echo"),
        (" What of it?\nAnswer: It burned down in 1702.", "no_citation"),
        (" What?\nAnswer: One. Two. Three. Four. Five. It burned down [3].", "few_citations"),
        (" What of it?\nAnswer: It burned down in 1702 [7].", "no_such_sentence"),
        (" What of it?\nAnswer: It burned down in 1702 [0].", "no_such_sentence"),
        (" What of it?\nAnswer: It burned down in 1702 [999999].", "no_such_sentence"),
        (" What of it?\nAnswer: It burned down in 1702 [1-5].", "too_many_cited"),
        (" What of it?\nAnswer: It burned down [1][2][3][4].", "too_many_cited"),
        (" What of it?\nAnswer: It burned down in 1703 [3].", "not_supported"),
        (" What of it?\nAnswer: It burned down in 1702 [2].", "not_supported"),
        (" What of it?\nAnswer: Giants carried every stone away [3].", "not_supported"),
        (Completion(GOOD[:120] + " [3]", "length", 1, 2), "unfinished"),
    ],
)
def test_rejection_has_its_reason(documents, completion: Any, reason: str) -> None:
    made = answered(documents, completion)
    assert made.accepted.documents.is_empty()
    assert made.accepted.rejects["reason"].to_list() == [reason]


@pytest.mark.parametrize(
    ("answer", "statements"),
    [
        ("A b [1].", (Statement("A b", (1,)),)),
        ("A b. [1] C d [2, 3].", (Statement("A b.", (1,)), Statement("C d", (2, 3)))),
        ("A. B [2-4]", (Statement("A.", ()), Statement("B", (2, 3, 4)))),
        ("A [1] [2] and B", (Statement("A", (1, 2)), Statement("and B", ()))),
        ("[1]", ()),
        ("A [x] [1", (Statement("A [x] [1", ()),)),
        ("A [5-2]", (Statement("A", ()),)),
    ],
)
def test_parse_gives_citations_to_what_stands_before(answer: str, statements: Any) -> None:
    assert parse(f" Why?\nAnswer: {answer}") == Answered("Why?", statements)


@pytest.mark.parametrize(("text", "question", "answer"), WORKED_EXAMPLES)
def test_worked_examples_hold(monkeypatch, text: str, question: str, answer: str) -> None:
    shown = [each.strip() for each in re.split(r"\[\d+\]", text)[1:]]
    found = parse(f" {question}\nAnswer: {answer}\n\nText:")
    assert broken(found, shown) == "prompt_echo"
    monkeypatch.setattr("midtrain_dagster.synthesis.methods.cited_answers.WORKED_EXAMPLES", ())
    assert broken(found, shown) is None
    assert prompt(["One.", "Two."]).endswith("\n\nText: [1] One. [2] Two.\nQuestion:")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab .[]1290,-\n?:", max_size=80))
def test_nonsense_is_no_error(text: str) -> None:
    found = parse(f" Why?\nAnswer:{text}")
    cited = [number for each in found.statements for number in each.cited]
    if broken(found, ["a.", "b 1."]) is None:
        assert cited
        assert set(cited) <= {1, 2}


def test_hostile_answers_take_linear_time() -> None:
    for text in ("[1" * 100_000, "[1]" * 100_000, "[1-999999]" * 1_000, "[" + "1," * 50_000):
        parse(f" Why?\nAnswer: A {text}")


def test_golden(documents) -> None:
    """Bump VERSION when this changes: stored documents were made by the old method."""
    told = [table.rows() for table in answered(documents, GOOD).accepted]
    assert (VERSION, blake2b(repr(told).encode(), digest_size=8).hexdigest()) == GOLDEN


def test_a_name_that_is_not_cited_is_not_supported() -> None:
    shown = ["The bridge over the river was designed by Anna Keller."]
    said = "The bridge over the river was designed by {} Keller"
    assert supported(Statement(said.format("Anna"), (1,)), shown)
    assert not supported(Statement(said.format("Otto"), (1,)), shown)
