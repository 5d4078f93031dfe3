from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.evaluation.harness import evaluate
from midtrain_dagster.evaluation.methods.olmes import VERSION, Olmes

METHOD = Olmes(method="olmes", normalisation="byte")


def test_each_form_is_that_of_a_direct_computation(
    model: Path, quiz: pl.DataFrame, continuation_losses: Callable[[str, str], np.ndarray]
) -> None:
    rights: dict[str, list[bool]] = {}
    for row in quiz.iter_rows(named=True):
        choices = [f" {choice}" for choice in row["choices"]]
        losses = [continuation_losses(row["question"], choice) for choice in choices]
        nats = np.array([each.sum() for each in losses])
        alone = np.array([continuation_losses("Answer:", choice).sum() for choice in choices])
        letters = "ABCD"[: len(choices)]
        lines = [f"{letter}.{choice}" for letter, choice in zip(letters, choices, strict=True)]
        asked = "\n".join([f"Question: {row['question']}", *lines, "Answer:"])
        of_letters = [continuation_losses(asked, f" {letter}").sum() for letter in letters]
        expected = {
            "lettered": np.array(of_letters),
            "cloze_none": nats,
            "cloze_character": nats / [len(choice) - 1 for choice in choices],
            "cloze_byte": nats / [len(choice.encode()) for choice in choices],
            "cloze_token": nats / [len(each) for each in losses],
            "cloze_unconditional": nats - alone,
        }
        for form, values in expected.items():
            rights.setdefault(form, []).append(bool(values.argmin() == row["gold"]))
    made = evaluate(model, quiz, method=METHOD, max_length=64)
    values = dict(made["scores"].select("metric", "value").iter_rows())
    cut = made["runs"]["cut_questions"].item()
    assert cut == 0, "letters and choices fit the tiny model"
    for form, of_items in rights.items():
        assert values[form] == pytest.approx(np.mean(of_items)), form
    assert values["better_form"] == max(values["cloze_byte"], values["lettered"])
    headline = made["scores"].filter(pl.col("headline"))
    assert headline["metric"].to_list() == ["better_form"]
    assert headline["chance"].item() == pytest.approx(np.mean([1 / 3, 1 / 2, 1 / 4] * 2))
    assert VERSION == 1


def test_both_forms_are_asked_after_their_own_examples(quiz: pl.DataFrame) -> None:
    from midtrain_dagster.evaluation.examples import Examples, Shots

    shots = Shots(Examples(count=1, draw="first"), quiz)
    document = METHOD.documents(quiz, None, "bare", shots)[1]
    asks = METHOD.asks(document)
    assert asks[0].question == "The boys are seen outside again\n\nOne man speaking"
    assert asks[2] == ("Answer:", " in the same spot.")
    assert asks[-1].question == (
        "Question: The boys are seen\nA. outside again\nB. in the spot\nC. man\nAnswer: A\n\n"
        "Question: One man speaking\nA. in the same spot.\nB. A B C D\nAnswer:"
    )


def test_an_item_of_one_choice_is_named(quiz: pl.DataFrame) -> None:
    one = quiz.head(1).with_columns(choices=pl.Series([["man"]]), gold=pl.lit(0, pl.Int64))
    with pytest.raises(ValueError, match=r"benchmark 'quiz', item '0': .*at least two choices"):
        METHOD.documents(one)
