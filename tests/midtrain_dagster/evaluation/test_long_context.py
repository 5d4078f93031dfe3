import numpy as np
import polars as pl
import pytest

from midtrain_dagster.evaluation.long_context import BY_ITEM, FOUND, by_cell, matched, rank, score
from midtrain_dagster.long_context.answers import Answered
from midtrain_dagster.long_context.encoder import Tokens
from midtrain_dagster.long_context.items import Candidates, Item, items
from midtrain_dagster.long_context.tasks.needle import Needle
from midtrain_dagster.tokens.load_tokenizer import load_tokenizer

NOTHING = np.empty(0, np.int64)


def ranked(*questions: tuple[int, list[float]]) -> float:
    """The rank of an item with questions, each with its number of right answers."""
    asked = tuple(
        Candidates(NOTHING, (NOTHING,) * len(likelihoods), right)
        for right, likelihoods in questions
    )
    item = Item("task", 64, None, 0, NOTHING, asked, NOTHING, ("a",), False, 1)
    return rank(item, Answered(tuple(np.array(each) for _, each in questions), NOTHING))


def test_rank_is_the_share_of_right_answers_among_the_likeliest() -> None:
    assert ranked((1, [-1.0, -2.0, -3.0])) == 1
    assert ranked((1, [-2.0, -1.0, -3.0])) == 0
    assert ranked((2, [-1.0, -3.0, -2.0, -4.0])) == 0.5
    assert ranked((1, [-1.0, -2.0]), (1, [-2.0, -1.0])) == 0.5


def test_a_model_to_which_all_answers_are_alike_finds_none() -> None:
    assert ranked((1, [-1.0, -1.0, -1.0])) == 0
    assert ranked((2, [-1.0, -1.0, -1.0, -1.0])) == 0


def test_of_qa_one_reference_is_enough() -> None:
    """RULER's string_match_all and string_match_part."""
    assert matched("It is 12, or 34.", ["12", "34", "56"], any_reference=False) == pytest.approx(
        2 / 3
    )
    assert matched("on MAY 3, 1847", ["3 May 1847", "May 3, 1847"], any_reference=True) == 1
    assert matched("nothing", ["a", "b"], any_reference=True) == 0


def test_cells_have_means_errors_and_chance() -> None:
    rows = [("one", 64, 0.5, n, 60, float(n < 9), 0.25, 0.5, "") for n in range(12)]
    rows += [("all", 64, None, n, 60, 0.25, 0.25, 0.0, "") for n in range(4)]
    one, every = by_cell(pl.DataFrame(rows, schema=BY_ITEM, orient="row")).iter_rows(named=True)
    assert list(one) == FOUND.names()
    assert one["items"] == 12
    assert one["rank_accuracy"] == 0.75
    assert one["stderr"] == pytest.approx(np.std([1] * 9 + [0] * 3, ddof=1) / 12**0.5)
    assert not one["at_chance"]
    assert one["exact_match"] == 0.5
    assert every["depth"] is None
    assert every["at_chance"]
    single = by_cell(pl.DataFrame(rows[:1], schema=BY_ITEM, orient="row"))
    assert single["stderr"][0] is None


def test_an_untrained_model_is_at_chance_and_one_table_comes_of_a_plain_call(model, loaded) -> None:
    tokenizer = load_tokenizer(model)
    asked = items(
        {"one": Needle(digits=2, haystack="noise")},
        Tokens(tokenizer),
        [],
        lengths=[128],
        depths=[0, 1],
        count=16,
        distractors=3,
    )
    table = score(loaded, tokenizer, asked)
    assert table.schema == FOUND
    assert table["depth"].to_list() == [0, 1]
    assert table["at_chance"].all()
    assert table["chance"].to_list() == [0.25, 0.25]
