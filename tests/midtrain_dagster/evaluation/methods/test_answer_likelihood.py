from collections.abc import Callable
from math import log
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.evaluation.harness import evaluate
from midtrain_dagster.evaluation.method import Item
from midtrain_dagster.evaluation.methods.answer_likelihood import VERSION, AnswerLikelihood

METHOD = AnswerLikelihood(method="answer_likelihood")


@pytest.mark.parametrize(
    ("question", "asked", "scored"),
    [
        ("What is 1 + 1?", "What is 1 + 1?", " 2"),
        ("def two():\n    ", "def two():", "\n    2"),
        ("", "", "2"),
    ],
)
def test_an_answer_takes_over_the_whitespace_before_it(
    question: str, asked: str, scored: str
) -> None:
    document = METHOD.document(Item(question, [], None, "2"))
    assert document == {"question": asked, "answer": scored}
    assert METHOD.asks(document) == [(asked, scored)]


def test_an_item_without_an_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a reference answer"):
        METHOD.document(Item("What?", [], None, ""))


def test_answer_losses_are_those_of_a_direct_computation(
    model: Path,
    make_items: Callable,
    continuation_losses: Callable[[str, str], np.ndarray],
) -> None:
    items = make_items(
        ("What is the answer?", [], None, "outside"),
        ("def spot():\n    ", [], None, "return the_man"),
        ("The same spot.", [], None, "one man speaking again"),
    )
    scores = evaluate(model, items, method=METHOD)["scores"]
    texts = [
        ("What is the answer?", " outside"),
        ("def spot():", "\n    return the_man"),
        ("The same spot.", " one man speaking again"),
    ]
    scored = [continuation_losses(*each) for each in texts]
    nats = sum(losses.sum() for losses in scored)
    assert scores["metric"].to_list() == ["loss_per_token", "bits_per_byte"]
    size = sum(len(text) for _, text in texts)
    expected = [nats / sum(map(len, scored)), nats / log(2) / size]
    assert scores["value"].to_list() == pytest.approx(expected, rel=1e-4)
    assert (scores["stderr"] > 0).all()
    assert scores["chance"].is_null().all()
    assert scores["at_chance"].is_null().all()


def test_answer_losses_have_golden_values(model: Path, quiz: pl.DataFrame) -> None:
    assert VERSION == 2
    scores = evaluate(model, quiz, method=METHOD)["scores"]
    assert scores["value"].to_list() == pytest.approx([6.810224, 3.275026], rel=1e-4)
