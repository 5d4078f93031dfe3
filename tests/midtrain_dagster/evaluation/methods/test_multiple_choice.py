from collections.abc import Callable
from math import log, nan
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.evaluation.harness import evaluate
from midtrain_dagster.evaluation.method import Item, Outcome
from midtrain_dagster.evaluation.methods.multiple_choice import VERSION, MultipleChoice

ITEM = Item("Which one?", ["this", "that"], 1, "that")
METHOD = MultipleChoice(method="multiple_choice")


def test_choices_are_scored_each_after_a_space() -> None:
    asked = METHOD.asks(METHOD.document(ITEM))
    assert asked == [("Which one?", " this"), ("Which one?", " that")]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"choices": []}, "needs at least two choices"),
        ({"choices": ["this", ""]}, "none empty"),
        ({"gold": 2}, "gold is 2, of 2 choices"),
        ({"gold": -1}, "gold is -1"),
        ({"gold": None}, "gold is None"),
    ],
)
def test_an_item_without_choices_and_gold_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        METHOD.document(ITEM._replace(**changes))


def test_accuracy_is_that_of_a_direct_computation(
    model: Path, quiz: pl.DataFrame, continuation_losses: Callable[[str, str], np.ndarray]
) -> None:
    right, right_norm = [], []
    for row in quiz.iter_rows(named=True):
        choices = row["choices"]
        nats = np.array(
            [continuation_losses(row["question"], f" {choice}").sum() for choice in choices]
        )
        right.append(nats.argmin() == row["gold"])
        right_norm.append((nats / [len(choice) for choice in choices]).argmin() == row["gold"])
    scores = evaluate(model, quiz, method=METHOD)["scores"]
    assert scores["metric"].to_list() == ["acc", "acc_norm", "bits_per_byte"]
    bits, scores = scores[2], scores[:2]
    texts = [(row["question"], f" {row['answer']}") for row in quiz.iter_rows(named=True)]
    nats = sum(continuation_losses(*each).sum() for each in texts)
    size = sum(len(answer) for _, answer in texts)
    assert bits["value"].to_list() == pytest.approx([nats / log(2) / size], rel=1e-5)
    assert 0 < np.mean(right) < 1, "the fixture must tell right from wrong"
    assert scores["value"].to_list() == pytest.approx([np.mean(right), np.mean(right_norm)])
    stderr = [np.std(each, ddof=1) / 6**0.5 for each in (right, right_norm)]
    assert scores["stderr"].to_list() == pytest.approx(stderr)
    chance = np.mean([1 / 3, 1 / 2, 1 / 4, 1 / 3, 1 / 4, 1 / 2])
    assert scores["chance"].to_list() == pytest.approx([chance, chance])
    assert scores["items"].to_list() == [6, 6]
    assert scores["at_chance"].all()
    assert VERSION == 3
    assert scores["value"].to_list() == [0.5, 0.5]


def test_one_item_has_no_standard_error_and_still_a_verdict(
    model: Path, quiz: pl.DataFrame
) -> None:
    method = MultipleChoice(method="multiple_choice", limit=1)
    scores = evaluate(model, quiz, method=method)["scores"]
    assert scores["items"].to_list() == [1, 1, 1]
    assert scores["stderr"].is_null().all()
    assert scores["at_chance"].is_not_null().to_list() == [True, True, False]


def test_of_a_model_whose_likelihoods_are_no_numbers_there_is_no_accuracy() -> None:
    document = METHOD.document(ITEM._replace(gold=0, answer="this"))
    responses = [[(nan, False), (nan, False)], [(-1.0, False), (-2.0, False)]]
    for kept, expected in ((responses, nan), (responses[1:], 1.0)):
        outcome = Outcome([document] * len(kept), kept, [[1, 1]] * len(kept))
        found = {each.metric: each for each in METHOD.scores(outcome)}
        assert found["acc"].value == pytest.approx(expected, nan_ok=True)
        assert found["acc_norm"].value == pytest.approx(expected, nan_ok=True)
        assert found["acc"].at_chance is (expected == 1.0)
