import numpy as np
import pytest
from pydantic import ValidationError

from midtrain_dagster.decontamination.methods.decon import Config, required, weights
from midtrain_dagster.decontamination.scan import scan

from ..conftest import document_table, item_table

QUESTION = (
    "Janet's ducks lay 16 eggs per day. She eats three for breakfast every morning and bakes "
    "muffins for her friends every day with four. She sells the remainder at the market for two "
    "dollars per fresh duck egg. How much in dollars does she make every day at the market?"
)
ANSWER = "She keeps nine eggs after breakfast and baking, so she makes nine times two dollars"
PAGE = " ".join(f"word{n} of the page" for n in range(60))
ITEMS = item_table(("b", "1", QUESTION, [], None, ANSWER))


def found(*texts: str, items=ITEMS, **config) -> list[str]:
    pages = [f"{PAGE}\n{text}\n{PAGE}" for text in texts]
    return scan(document_table(*pages), items, config=Config(**config))["hits"]["id"].to_list()


def test_the_answer_must_be_near() -> None:
    far = f"{QUESTION}\n{PAGE}\n{ANSWER}"
    assert found(f"{QUESTION}\n{ANSWER}", QUESTION, far, f"{ANSWER} {QUESTION}") == ["d0", "d3"]
    assert found(QUESTION, answers=False) == ["d0"]


def test_a_short_answer_must_stand_exactly() -> None:
    items = item_table(("b", "1", QUESTION, [], None, "18 dollars"))
    near, other = f"{QUESTION} It is 18 dollars.", f"{QUESTION} It is 81 dollars."
    assert found(near, other, items=items) == ["d0"]


def test_reversed_sentences_are_found() -> None:
    sentences = QUESTION.split(". ")
    backwards = ". ".join(reversed(sentences))
    assert found(backwards, answers=False, threshold=0.7) == ["d0"]


def test_a_short_item_must_be_there_whole() -> None:
    short = "the red fox and a blue hen met one old man who sold seven green hats to twenty of them"
    items = item_table(("b", "1", short, [], None, None))
    damaged = short.replace("hats", "shoes")
    assert found(short, damaged, items=items, shortest=5) == ["d0"]


def test_short_and_monotonous_items_are_not_searched() -> None:
    items = item_table(
        ("b", "1", "what is the name of the man", [], None, None),
        ("b", "2", "no no no no no " * 10, [], None, None),
    )
    searched = Config().searched(items)
    assert searched.untestable()["item"].to_list() == ["1", "2"]


def test_the_score_that_is_asked_for_relaxes_with_length() -> None:
    """Golden values of the tool's description: 1 at 20 tokens, .8 from 50 on."""
    assert required(np.array([5, 20, 35, 50, 90]), Config()).tolist() == pytest.approx(
        [1, 1, 0.9, 0.8, 0.8]
    )


@pytest.mark.parametrize(
    ("ngrams", "has", "expected"),
    [
        (20, (True, True), (0.7, 0.2, 0.1)),
        (20, (True, False), (0.75, 0.25, 0)),
        (20, (False, True), (0.85, 0, 0.15)),
        (3, (False, False), (1, 0, 0)),
        (10, (True, False), (0.5625, 0.4375, 0)),
        (0, (True, True), (0.35, 0.2 + 0.35 * 2 / 3, 0.1 + 0.35 / 3)),
    ],
)
def test_weights(ngrams: int, has: tuple[bool, bool], expected: tuple) -> None:
    """Golden values of the tool's description: .5 + .5 N / 20 of the question's weight stays."""
    got = weights(ngrams, has_answer=has[0], has_passage=has[1])
    assert got == pytest.approx(expected)
    assert sum(got) == pytest.approx(1)


def test_bounds_are_checked() -> None:
    with pytest.raises(ValidationError, match="relaxed_from"):
        Config(exact_until=60)
    with pytest.raises(ValidationError, match="shortest"):
        Config(shortest=3)
