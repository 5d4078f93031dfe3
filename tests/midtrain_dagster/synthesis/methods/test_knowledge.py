import json
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.synthesis.methods.knowledge import (
    LABELS,
    VERSION,
    WORKED_EXAMPLES,
    Config,
    cloze,
    parse,
    prompt,
    sort,
)

GOLDEN = (1, "ccfb8567d6926b8e")

MILL = "The tower of the old mill was finished in 1871 by Anna Brandt, and it burned in 1902."
LINES = {
    "Question": "Who finished the tower of the mill?",
    "Answer": "anna brandt.",
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
    return text.removeprefix("Question:")


@pytest.mark.parametrize(("passage", "forms"), WORKED_EXAMPLES)
def test_worked_examples_are_an_echo_and_else_hold_in_all_forms(
    monkeypatch, passage: str, forms: str
) -> None:
    assert sort(forms, passage)[1] == "prompt_echo"
    monkeypatch.setattr("midtrain_dagster.synthesis.methods.knowledge.WORKED_EXAMPLES", ())
    found, reason = sort(forms, passage)
    assert (list(found.held), reason) == (ALL, None)


def test_lines_are_read_by_their_labels() -> None:
    assert parse(completion()) == LINES
    assert parse("**Question:** Is it so?\n- Answer: so\nAnswer: not so") == {
        "Question": "Is it so?", "Answer": "so",
    }  # fmt: skip
    assert prompt("One.\n\nTwo.").endswith("\n\nPassage: One. Two.\nQuestion:")


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
    found, reason = sort(completion(**{label: line}), MILL)
    assert reason is None
    assert list(found.held) == [each for each in ALL if each != lost]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("", "no_pair"),
        (completion(Question="It was finished."), "no_pair"),
        (completion(Answer=None), "no_pair"),
        (completion(Answer="Otto"), "answer_not_located"),
        (completion(Answer="the tower"), "answer_in_question"),
        (completion(Question="Who is it, please?"), "not_about_passage"),
        (f" {LINES['Question']}\nAnswer: Anna Brandt\nStatement: It was so.", "few_forms"),
    ],
)
def test_rejection_has_its_reason(said: str, reason: str) -> None:
    assert sort(said, MILL)[1] == reason


def test_a_cloze_is_one_sentence_with_a_gap() -> None:
    text = "It is so.\nThe Old  Mill stands. Then it fell!"
    assert cloze(text, (14, 23)) == "The ____ stands.\nAnswer: Old Mill"
    assert cloze(text, (0, len(text))) == f"____\nAnswer: {' '.join(text.split())}"


def test_a_fact_becomes_one_document_once_and_says_how_different_its_forms_are(
    driven, documents
) -> None:
    made = driven(config(), documents(MILL, MILL), lambda _: completion())
    (row,) = made.accepted.documents.rows(named=True)
    assert row["text"].split("\n\n") == [
        f"Question: {LINES['Question']}\nAnswer: anna brandt",
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
    for said in (noise, completion()[:cut] + noise, completion(**{label: noise})):
        found, reason = sort(said, MILL)
        assert (len(found.held) >= 3) is (reason is None)


def test_golden(driven, documents) -> None:
    """Bump VERSION when this changes: what is stored was made by the old method."""
    made = driven(config(), documents(MILL, MILL), lambda _: completion())
    tables = [made.requests.rows(), *(each.rows() for each in made.accepted)]
    assert made.accepted.documents.height
    assert (VERSION, blake2b(repr(tables).encode(), digest_size=8).hexdigest()) == GOLDEN
