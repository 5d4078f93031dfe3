"""Which items are kept with their answers, and what is kept of them."""

from math import log
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.evaluation.answers import (
    ANSWER,
    ANSWERS,
    EACH,
    PROMPT,
    lowest_and_highest,
    right_and_wrong,
)
from midtrain_dagster.evaluation.harness import evaluate
from midtrain_dagster.evaluation.method import Ask, Method, mean_of
from midtrain_dagster.evaluation.methods.answer_likelihood import AnswerLikelihood
from midtrain_dagster.evaluation.methods.generated_answer import GeneratedAnswer
from midtrain_dagster.evaluation.methods.multiple_choice import MultipleChoice

CHOICE = MultipleChoice(method="multiple_choice")
LIKELIHOOD = AnswerLikelihood(method="answer_likelihood")
VALUES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), max_size=12)


@given(VALUES, st.randoms())
def test_the_first_right_and_the_first_wrong_of_an_order_are_chosen(values, random) -> None:
    order = list(range(len(values)))
    random.shuffle(order)
    chosen = list(right_and_wrong(np.array(values), order))
    right = [at for kind, at in chosen if kind == "right"]
    wrong = [at for kind, at in chosen if kind == "wrong"]
    assert right == [at for at in order if values[at] >= 0.5][:EACH]
    assert wrong == [at for at in order if values[at] < 0.5][:EACH]


@given(VALUES, st.randoms())
def test_the_lowest_and_the_highest_are_apart(values, random) -> None:
    order = list(range(len(values)))
    random.shuffle(order)
    chosen = list(lowest_and_highest(np.array(values), order))
    low = [values[at] for kind, at in chosen if kind == "lowest"]
    high = [values[at] for kind, at in chosen if kind == "highest"]
    assert len({at for _, at in chosen}) == len(chosen) == min(2 * EACH, len(values))
    assert low == sorted(values)[: len(low)]
    assert high == sorted(values, reverse=True)[: len(high)]


def test_choices_are_kept_with_their_likelihoods(model: Path, quiz: pl.DataFrame) -> None:
    made = evaluate(model, quiz, method=CHOICE)
    kept, by_item = made["answers"], made["by_item"].filter(metric="acc_norm")
    assert kept.schema == ANSWERS
    values = dict(by_item.select("item", "sum").iter_rows())
    assert set(kept["kind"]) <= {"right", "wrong"}
    for row in kept.iter_rows(named=True):
        assert row["value"] == values[row["item"]] == float(row["kind"] == "right")
        (item,) = quiz.filter(item=row["item"]).to_dicts()
        assert [each["continuation"] for each in row["weighed"]] == [
            f" {choice}" for choice in item["choices"]
        ]
        likely = [each["nats"] / (each["bytes"] - 1) for each in row["weighed"]]
        assert (int(np.argmax(likely)) == item["gold"]) is (row["kind"] == "right")
        assert {each["prompt"] for each in row["weighed"]} == {item["question"]}
    again = evaluate(model, quiz.reverse(), method=CHOICE)["answers"]
    assert again.sort("item").equals(kept.sort("item")), "chosen by name, not by place"


def test_of_a_loss_the_extremes_are_kept(model: Path, quiz: pl.DataFrame) -> None:
    made = evaluate(model, quiz, method=LIKELIHOOD)
    kept = made["answers"]
    bits = made["by_item"].filter(metric="bits_per_byte")
    values = (bits["sum"] / bits["count"]).sort()
    lowest = kept.filter(kind="lowest")["value"]
    assert lowest.to_list() == pytest.approx(values.head(len(lowest)).to_list())
    assert kept.filter(kind="highest")["value"][0] == pytest.approx(values[-1])
    for row in kept.iter_rows(named=True):
        (weighed,) = row["weighed"]
        assert row["value"] == pytest.approx(-weighed["nats"] / log(2) / weighed["bytes"])


def test_what_is_written_is_kept(model: Path, quiz: pl.DataFrame) -> None:
    method = GeneratedAnswer(method="generated_answer", most_tokens=4, extract="whole")
    kept = evaluate(model, quiz, method=method)["answers"]
    assert kept.height == EACH, "nothing is right"
    for row in kept.iter_rows(named=True):
        assert (row["kind"], row["samples"], len(row["written"])) == ("wrong", 1, 1)
        assert isinstance(row["written"][0]["text"], str)


class Long(Method):
    """A method with long texts, of which nothing is right or likely by a figure of its own."""

    NEEDS = ("answer",)
    UNITS = {"nats": "nats"}  # noqa: RUF012
    HEADLINE = "nats"
    method: Literal["long"]

    def document(self, item):
        return {"question": item.question, "answer": item.answer}

    def asks(self, document):
        return [Ask(document["question"], document["answer"])]

    def item_values(self, outcome):
        yield mean_of("nats", [-each[0] for each in outcome.nats])


def test_long_texts_are_cut_and_counted(roomy: Path, make_items) -> None:
    items = make_items(("q" * (PROMPT + 5), [], None, "a" * 9))
    assert evaluate(roomy, items, method=Long(method="long"))["answers"].is_empty()
    (row,) = evaluate(roomy, items, method=LIKELIHOOD, max_length=2048)["answers"].to_dicts()
    (weighed,) = row["weighed"]
    assert (len(weighed["prompt"]), weighed["before"]) == (PROMPT, 5)
    assert (weighed["continuation"], weighed["behind"]) == (" " + "a" * 9, 0)
    assert ANSWER > PROMPT
