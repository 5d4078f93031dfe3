import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.evaluation.benchmark import ITEMS
from midtrain_dagster.evaluation.examples import VERSION, Examples, Shots, shown
from midtrain_dagster.evaluation.item import Item

POOL = pl.DataFrame(
    [
        ("b", str(at), f"question {at}", [], None, f"answer {at}", json.dumps({"of": at % 2}))
        for at in range(12)
    ],
    schema=ITEMS,
    orient="row",
)


@given(st.integers(0, 11), st.integers(1, 11), st.integers(0, 99))
def test_an_item_is_never_its_own_example(at: int, count: int, seed: int) -> None:
    drawn = Shots(Examples(count=count, seed=seed), POOL).drawn(f"question {at}", {"of": at % 2})
    questions = [each.item.question for each in drawn]
    assert len(set(questions)) == count
    assert f"question {at}" not in questions


def test_a_draw_depends_on_the_item_and_the_seed_alone() -> None:
    assert VERSION == 1
    shots = Shots(Examples(count=3), POOL)
    first = [each.item.question for each in shots.drawn("question 4", {"of": 0})]
    assert first == [each.item.question for each in shots.drawn("question 4", {"of": 0})]
    assert first == ["question 5", "question 1", "question 6"]
    other = Shots(Examples(count=3, seed=1), POOL).drawn("question 4", {"of": 0})
    assert first != [each.item.question for each in other]


def test_the_first_are_the_first_and_alike_where_that_is_said() -> None:
    first = Shots(Examples(count=2, draw="first"), POOL).drawn("question 0", {"of": 0})
    assert [each.item.answer for each in first] == ["answer 1", "answer 2"]
    alike = Shots(Examples(count=2, draw="first", alike="of"), POOL).drawn("else", {"of": 1})
    assert [each.item.answer for each in alike] == ["answer 1", "answer 3"]


def test_too_few_examples_are_said() -> None:
    with pytest.raises(ValueError, match="there are 6 examples that share its 'of', and 7 are ask"):
        Shots(Examples(count=7, alike="of"), POOL).drawn("else", {"of": 1})


def test_an_example_is_shown_with_its_answer() -> None:
    assert shown(Item("Q", [], None, "a")) == "Q a"
    assert shown(Item("Q\n", [], None, "a")) == "Q\na"
    assert shown(Item("Q", ["x", "y"], 1, "y")) == "Q y"
    assert shown(Item("Q", [], None, "a"), "because a") == "Q because a"
    assert shown(Item("The", ["x", "y"], 1, "is", contexts=("The x", "The y"))) == "The y is"
