import json
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.synthesis.methods.linked_questions import (
    VERSION,
    WORKED_EXAMPLES,
    Config,
    Side,
    Two,
    sort,
)

BRIDGE = "The bridge over the river was built by a team, and William Arrol directed it until 1890."
MILL = (
    "As a boy of nine years, it says, William Arrol worked in a cotton mill near a café in Paisley."
)

GOLDEN = (1, "9a6ce7688606e5d0")
OTHER = "Nothing here is shared with anybody, and nobody is named in it, not even once in a while."
GOOD = " In which mill did the man who directed the bridge work?\nAnswer: cotton mill."


def side(passage: str) -> Side:
    return Side("d", 0, len(passage.encode()), passage, None)


TWO = Two("d0+d1", side(BRIDGE), side(MILL), "William Arrol")


def config(**fields: Any) -> Config:
    generator = {"engine": "transformers", "model": "m"}
    common = {"domains": ["web"], "documents": 10, "questions": 5, "generator": generator}
    return Config(**{**common, **fields})


def test_documents_that_share_a_name_are_asked_about_together(driven, documents) -> None:
    prompts = []

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        return GOOD

    far = "Before it there is much else to be said. " * 20
    made = driven(config(), documents(f"{far}\n\n{BRIDGE}", OTHER, MILL), ask)
    (prompt,) = prompts
    assert prompt.endswith(f"\n\nFirst: {BRIDGE}\nSecond: {MILL}\nShared: William Arrol\nQuestion:")
    (row,) = made.accepted.documents.rows(named=True)
    question = GOOD.strip().partition("\n")[0]
    assert row["text"] == f"{BRIDGE}\n\n{MILL}\n\nQuestion: {question}\nAnswer: cotton mill"
    told = json.loads(row["metadata"])
    assert told["link"] == "William Arrol"
    first, second = told["seeds"]
    assert (first["document"], second["document"]) == ("d0", "d2")
    assert f"{far}\n\n{BRIDGE}".encode()[first["start"] : first["stop"]].decode() == BRIDGE
    assert (second["start"], second["stop"]) == (0, len(MILL.encode()))


def test_without_a_link_nothing_is_asked(driven, documents) -> None:
    made = driven(config(), documents(OTHER, MILL), lambda _: GOOD)
    assert (made.asked, made.accepted.documents.height) == (0, 0)


@pytest.mark.parametrize("example", WORKED_EXAMPLES)
def test_worked_examples_are_an_echo_and_else_hold(monkeypatch, example) -> None:
    first, second, name, question, answer = example
    two = Two("e", side(first), side(second), name)
    said = f" {question}\nAnswer: {answer}"
    assert sort(said, two)[1] == "prompt_echo"
    monkeypatch.setattr("midtrain_dagster.synthesis.methods.linked_questions.WORKED_EXAMPLES", ())
    assert sort(said, two)[1] is None


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        (GOOD, None),
        (f"Question:{GOOD}", None),
        ("", "no_pair"),
        (" William Arrol was a man.", "no_pair"),
        (GOOD.replace("cotton mill.", "steel works"), "not_grounded"),
        (GOOD.replace("cotton mill.", "In 1891"), "not_grounded"),
        (GOOD.replace("the bridge work", "the Firth Road bridge work"), "not_grounded"),
        (GOOD.replace("the bridge", "it in 1900"), "not_grounded"),
        (GOOD.replace("cotton mill.", "William Arrol"), "answer_in_both"),
        (" In which mill did the boy work?\nAnswer: cotton mill", "one_passage"),
        (" Who directed the bridge?\nAnswer: in a cotton mill", "one_passage"),
        (" Did he who directed it work in a cotton mill?\nAnswer: cotton", "answer_in_question"),
    ],
)
def test_a_question_needs_both(completion: str, reason: str | None) -> None:
    assert sort(completion, TWO)[1] == reason


def test_a_question_is_taken_once(driven, documents) -> None:
    texts = [BRIDGE, MILL, BRIDGE.replace("Arrol", "Brown"), MILL.replace("Arrol", "Brown")]
    made = driven(config(), documents(*texts), lambda _: GOOD)
    assert made.accepted.documents.height == 1
    assert made.accepted.rejects["reason"].to_list() == ["duplicate_question"]


@given(st.text(max_size=200), st.integers(0, 100))
def test_no_answer_raises(noise: str, cut: int) -> None:
    for completion in (noise, GOOD[:cut] + noise):
        sort(completion, TWO)


def test_golden(driven, documents) -> None:
    """Bump VERSION when this changes: what is stored was made by the old method."""
    made = driven(config(), documents(BRIDGE, OTHER, MILL), lambda _: GOOD)
    tables = [made.requests.rows(), *(each.rows() for each in made.accepted)]
    assert made.accepted.documents.height
    assert (VERSION, blake2b(repr(tables).encode(), digest_size=8).hexdigest()) == GOLDEN
