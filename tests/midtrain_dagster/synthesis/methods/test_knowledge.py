import json
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.synthesis.methods import question_answer
from midtrain_dagster.synthesis.methods.knowledge import (
    LABELS,
    VERSION,
    WORKED_EXAMPLES,
    Config,
    cloze,
    forms,
    parse,
    sort,
)
from midtrain_dagster.synthesis.pairs import Pair, read_pairs

GOLDEN = (1, "7884982417f03ef3")

MILL = "The tower of the old mill was finished in 1871 by Anna Brandt, and it burned in 1902."
PAIR = Pair("Who finished the tower of the mill?", "Anna Brandt")
LINES = {
    "Statement": "The mill's tower was finished in 1871 by Anna Brandt.",
    "Turned question": "What did Anna Brandt finish?",
    "Turned answer": "The tower of the old mill",
    "Mention": "When people climb the old tower today, they think of Anna Brandt and her mill.",
}
CLOZE = "The tower of the old mill was finished in 1871 by ____, and it burned in 1902."
ALL = ["question_answer", "cloze", "statement", "turned_question", "mention"]


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    return Config(**{"domains": ["web"], "documents": 10, "generator": generator, **fields})


def completion(**changed: str | None) -> str:
    lines = {**LINES, **changed}
    text = "\n".join(f"{label}: {line}" for label, line in lines.items() if line is not None)
    return text.removeprefix("Statement:")


def said(prompt: str) -> str:
    """The pair, or the other forms."""
    if prompt.endswith("\nQuestion:"):
        return f" {PAIR.question}\nAnswer: anna brandt."
    assert prompt.endswith(f"\n\nPassage: {MILL}\n{PAIR.text}\nStatement:")
    return completion()


@pytest.mark.parametrize(("passage", "lines"), WORKED_EXAMPLES)
def test_worked_examples_hold_in_all_forms(passage: str, lines: str) -> None:
    asked, _, written = lines.partition("\nStatement:")
    (pair,) = read_pairs(asked)
    assert list(forms(written, passage, pair)) == ALL


def test_lines_are_read_by_their_labels() -> None:
    assert parse(completion()) == LINES
    assert parse("**Statement:** It is so.\n- Mention: so\nMention: not so") == {
        "Statement": "It is so.", "Mention": "so",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("label", "line", "lost"),
    [
        ("Statement", "The mill's tower was finished by Otto.", "statement"),
        ("Statement", "It was Anna Brandt.", "statement"),
        ("Statement", "Was the tower of the mill finished by Anna Brandt?", "statement"),
        ("Statement", "The tower of the mill was finished by Anna Brandt in 1872.", "statement"),
        ("Statement", "The tower of the mill was finished by Anna Brandt in", "statement"),
        ("Turned question", "Who finished the tower then?", "turned_question"),
        ("Turned question", "Anna Brandt finished it.", "turned_question"),
        ("Turned answer", "Anna Brandt", "turned_question"),
        ("Turned answer", "The house", "turned_question"),
        ("Turned answer", None, "turned_question"),
        ("Mention", "The tower of the mill stood in Bern and was finished.", "mention"),
        ("Mention", "It rained on that day.", "mention"),
        ("Mention", "When people climb the old tower, Anna Brandt", "mention"),
        ("Mention", LINES["Statement"], "mention"),
    ],
)
def test_a_form_that_does_not_hold_is_left_out(label: str, line: str | None, lost: str) -> None:
    found = forms(completion(**{label: line}), MILL, PAIR)
    assert list(found) == [each for each in ALL if each != lost]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "no_pair"),
        (" It was finished.\nAnswer: Anna", "no_pair"),
        (f" {PAIR.question}", "no_pair"),
        (f" {question_answer.WORKED_EXAMPLES[0][1]}\nAnswer: mill", "prompt_echo"),
        (f" {PAIR.question}\nAnswer: Otto", "answer_not_located"),
        (f" {PAIR.question}\nAnswer: the tower", "answer_in_question"),
        (" Who is it, please?\nAnswer: Anna Brandt", "not_about_passage"),
        (f" {PAIR.question}\nAnswer: Anna Brandt", None),
    ],
)
def test_rejection_has_its_reason(answer: str, reason: str | None) -> None:
    assert sort(answer, MILL)[1] == reason


def test_a_fact_in_few_forms_is_rejected_once(driven, documents) -> None:
    made = driven(
        config(),
        documents(MILL),
        lambda prompt: said(prompt) if prompt.endswith("\nQuestion:") else " It was so.",
    )
    assert made.accepted.documents.is_empty()
    assert made.accepted.rejects.select("id", "reason").rows() == [
        (f"d0:0-{len(MILL)}", "few_forms")
    ]


def test_a_cloze_is_one_sentence_with_a_gap() -> None:
    text = "It is so.\nThe Old  Mill stands. Then it fell!"
    assert cloze(text, (14, 23)) == "The ____ stands.\nAnswer: Old Mill"
    assert cloze(text, (0, len(text))) == f"____\nAnswer: {' '.join(text.split())}"


def test_a_fact_becomes_one_document_once_and_says_how_different_its_forms_are(
    driven, documents
) -> None:
    made = driven(config(), documents(MILL, MILL), said)
    (row,) = made.accepted.documents.rows(named=True)
    assert row["text"].split("\n\n") == [
        PAIR.text,
        f"{CLOZE}\nAnswer: Anna Brandt",
        LINES["Statement"],
        f"Question: {LINES['Turned question']}\nAnswer: {LINES['Turned answer']}",
        LINES["Mention"],
    ]
    told = json.loads(row["metadata"])
    assert told["forms"] == ALL
    assert 0 < told["scores"]["spread"] < 1
    assert 0.5 < told["scores"]["distinct_2"] <= 1
    assert made.accepted.rejects["reason"].to_list() == ["duplicate_fact"]


@given(st.text(max_size=200), st.sampled_from(LABELS), st.integers(0, 400))
def test_no_answer_raises(noise: str, label: str, cut: int) -> None:
    for answer in (noise, completion()[:cut] + noise, completion(**{label: noise})):
        sort(answer, MILL)
        assert list(forms(answer, MILL, PAIR))[:2] == ALL[:2]


def test_golden(driven, documents) -> None:
    """Bump VERSION when this changes: what is stored was made by the old method."""
    made = driven(config(), documents(MILL, MILL), said)
    tables = [made.requests.rows(), *(each.rows() for each in made.accepted)]
    assert made.accepted.documents.height
    assert (VERSION, blake2b(repr(tables).encode(), digest_size=8).hexdigest()) == GOLDEN
