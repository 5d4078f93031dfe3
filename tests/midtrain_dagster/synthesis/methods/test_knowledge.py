import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.synthesis.methods.knowledge import (
    LABELS,
    WORKED_EXAMPLES,
    Config,
    parse,
    prompt,
    sort,
)

MILL = "The tower of the old mill was finished in 1871 by Anna Brandt, and it burned in 1902."
LINES = {
    "Statement": "Anna Brandt finished the mill's tower in 1871.",
    "Cloze": "The tower of the mill was finished by ____.",
    "Gap": "Anna Brandt",
    "Question": "Who finished the tower of the mill?",
    "Answer": "anna brandt.",
    "Turned question": "What did Anna Brandt finish?",
    "Turned answer": "The tower of the old mill",
    "Mention": "When people climb the old tower today, they think of Anna Brandt and her mill.",
}
ALL = ["statement", "cloze", "question_answer", "turned_question", "mention"]


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    return Config(**{"domains": ["web"], "documents": 10, "generator": generator, **fields})


def completion(**changed: str | None) -> str:
    lines = {**LINES, **changed}
    text = "\n".join(f"{label}: {line}" for label, line in lines.items() if line is not None)
    return text.removeprefix("Statement:")


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
    assert parse("**Statement:** It is so.\n- Gap: so\nGap: not so") == {
        "Statement": "It is so.", "Gap": "so",
    }  # fmt: skip
    assert prompt("One.\n\nTwo.").endswith("\n\nPassage: One. Two.\nStatement:")


@pytest.mark.parametrize(
    ("label", "line", "lost"),
    [
        ("Cloze", "The tower was finished by Anna Brandt.", "cloze"),
        ("Cloze", "The tower of Anna Brandt was finished by ____.", "cloze"),
        ("Gap", "Otto", "cloze"),
        ("Question", "Anna Brandt finished what?", "question_answer"),
        ("Question", "It was finished.", "question_answer"),
        ("Answer", "Otto", "question_answer"),
        ("Turned question", "Who finished the tower then?", "turned_question"),
        ("Turned answer", "Anna Brandt", "turned_question"),
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
    assert lost not in found.held
    assert len(found.held) >= 3


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("", "empty"),
        (completion(Statement="Anna Brandt finished the tower in 1872."), "no_statement"),
        (completion(Statement="Anna Brandt finished the"), "no_statement"),
        (completion(Statement="It rained."), "no_statement"),
        (f" {LINES['Statement']}\nCloze: It is ____", "few_forms"),
    ],
)
def test_rejection_has_its_reason(said: str, reason: str) -> None:
    assert sort(said, MILL)[1] == reason


def test_a_fact_becomes_one_document_once_and_says_how_different_its_forms_are(
    driven, documents
) -> None:
    made = driven(config(), documents(MILL, MILL), lambda _: completion())
    (row,) = made.accepted.documents.rows(named=True)
    assert row["text"].split("\n\n") == [
        LINES["Statement"],
        f"{LINES['Cloze']}\nAnswer: Anna Brandt",
        f"Question: {LINES['Question']}\nAnswer: anna brandt",
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
