import json
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.synthesis.methods.instruction_pairs import (
    INSTRUCTION,
    VERSION,
    WORKED_EXAMPLES,
    Config,
    sort,
)
from midtrain_dagster.synthesis.pairs import Pair

GOLDEN = (1, "942868c9f811c3cb")

MILL = "The tower of the old mill was finished in 1871 by Anna Brandt from Bern, and it burned."
GOOD = "Who finished the tower?\nAnswer: anna brandt.\nQuestion: Did the mill burn?\nAnswer: Yes."


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    return Config(**{"domains": ["web"], "documents": 10, "generator": generator, **fields})


def text(number: int) -> str:
    return f"{MILL} It was mill number {number}."


def answer(prompt: str) -> str:
    """Two good pairs about the last passage, one of them with its number."""
    number = prompt.rpartition("mill number ")[2].partition(".")[0]
    return f" Which tower has the number {number}?\nAnswer: mill number {number}\nQuestion: Who?"


def test_a_chain_shows_what_it_has_and_becomes_one_document(driven, documents) -> None:
    prompts = []

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        return answer(prompt)

    made = driven(config(shots=2), documents(*map(text, range(3))), ask)
    assert (made.first, made.asked) == (2, 3)
    assert all(prompt.startswith(INSTRUCTION) for prompt in prompts)
    assert prompts[2].endswith(
        f"Passage: {text(0)}\nQuestion: Which tower has the number 0?\nAnswer: mill number 0\n\n"
        f"Passage: {text(1)}\nQuestion:"
    )
    first, second = made.accepted.documents.rows(named=True)
    assert first["text"] == "\n\n".join(
        f"{text(n)}\n\nQuestion: Which tower has the number {n}?\nAnswer: mill number {n}"
        for n in (0, 1)
    )
    told = json.loads(first["metadata"])
    assert [seed["document"] for seed in told["seeds"]] == ["d0", "d1"]
    assert (told["shots"], told["pairs"], told["scores"]) == (2, 2, {"located": 1.0})
    for number, place in enumerate(told["answers"]):
        found = text(number).encode()[place["start"] : place["stop"]].decode()
        assert found == f"mill number {number}"
    assert json.loads(second["metadata"])["shots"] == 1
    assert made.accepted.rejects.is_empty()


def test_what_is_rejected_is_not_taught_on(driven, documents) -> None:
    prompts = []

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        return " Who?\nAnswer: Otto in 1999." if len(prompts) == 1 else answer(prompt)

    made = driven(config(shots=3), documents(*map(text, range(3))), ask)
    assert "Otto" not in prompts[1]
    assert made.accepted.rejects["reason"].to_list() == ["not_grounded"]
    (row,) = made.accepted.documents.rows(named=True)
    assert json.loads(row["metadata"])["shots"] == 2


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        ("", "no_pairs"),
        (" The mill burned.", "no_pairs"),
        (f" {WORKED_EXAMPLES[0][1][0].question}\nAnswer: mill", "prompt_echo"),
        (" Who finished the tower?\nAnswer: Otto", "not_grounded"),
        (" Who finished the tower?\nAnswer: It was Otto.", "not_grounded"),
        (" Who finished the tower?\nAnswer: in 1872", "not_grounded"),
        (" Was the tower finished by Anna Brandt?\nAnswer: Anna Brandt", "answer_in_question"),
        (" Which colour has the sea?\nAnswer: old", "not_about_passage"),
        (" Who finished the old tower?\nAnswer: Anna Brandt", "duplicate_question"),
    ],
)
def test_rejection_has_its_reason(completion: str, reason: str) -> None:
    kept, found = sort(completion, MILL, {"who finished the old tower"}, 5)
    assert (found, kept) == (reason, [])


@pytest.mark.parametrize(("passage", "pairs"), WORKED_EXAMPLES)
def test_worked_examples_are_an_echo_and_else_hold(monkeypatch, passage, pairs) -> None:
    said = "\n".join(pair.text for pair in pairs)
    assert sort(said, passage, set(), 5)[1] == "prompt_echo"
    monkeypatch.setattr("midtrain_dagster.synthesis.methods.instruction_pairs._SHOWN", ())
    kept, _ = sort(said, passage, set(), 5)
    assert [each.pair.question for each in kept] == [pair.question for pair in pairs]


def test_a_pair_that_holds_has_the_passages_words(documents) -> None:
    kept, reason = sort(GOOD, MILL, set(), 5)
    assert reason is None
    assert [each.pair for each in kept] == [
        Pair("Who finished the tower?", "Anna Brandt"),
        Pair("Did the mill burn?", "Yes."),
    ]
    assert [each.span for each in kept] == [(50, 61), None]
    assert len(sort(GOOD, MILL, set(), 1)[0]) == 1


@given(st.text(max_size=200), st.integers(0, 99))
def test_no_answer_raises(noise: str, cut: int) -> None:
    for completion in (noise, GOOD[:cut] + noise, GOOD[:cut] + noise + GOOD[cut:]):
        kept, reason = sort(completion, MILL, set(), 5)
        assert bool(kept) is (reason is None)


def test_golden(driven, documents) -> None:
    """Bump VERSION when this changes: what is stored was made by the old method."""
    made = driven(config(), documents(*map(text, range(3))), answer)
    tables = [made.requests.rows(), *(each.rows() for each in made.accepted)]
    assert made.accepted.documents.height
    assert (VERSION, blake2b(repr(tables).encode(), digest_size=8).hexdigest()) == GOLDEN
