"""Every item of a benchmark is scored or counted among those that were not."""

import polars as pl
import pytest

from midtrain_dagster.evaluation.items_asked import (
    ASKED,
    counted,
    items_asked,
    left_out,
    prompt_notes,
)

RUNS = pl.DataFrame(
    {
        "checkpoint": ["base", "tuned", "base", "tuned"],
        "benchmark": ["gsm8k", "gsm8k", "whole", "whole"],
        "prompt": ["gsm8k", "gsm8k", "bare", "bare"],
        "items": [39, 39, 164, 164],
        "left_out": [61, 61, 0, 0],
        "cut_questions": [5, 5, 0, 0],
        "never_ended": [0, 0, 7, 9],
    }
)
ITEMS = {"gsm8k": 1319, "whole": 164}


def test_scored_too_long_and_beyond_the_limit_are_all_there_are() -> None:
    asked = items_asked(RUNS, ITEMS)
    assert asked.schema == ASKED
    assert asked.row(0) == ("base", "gsm8k", "gsm8k", 39, 61, 1219, 5, 0)
    sums = asked.select(pl.sum_horizontal("scored", "too_long", "beyond_limit"))
    assert sums.to_series().to_list() == [1319, 1319, 164, 164]
    assert items_asked(RUNS)["beyond_limit"].null_count() == 4
    with pytest.raises(KeyError, match="whole"):
        items_asked(RUNS, {"gsm8k": 1319})


def test_words_count_what_was_scored_and_give_a_reason_for_the_rest() -> None:
    asked = items_asked(RUNS, ITEMS)
    assert counted(asked, "gsm8k") == "39 of 100 items"
    assert left_out(asked, "gsm8k") == (
        "61 left out, since an answer or a prompt alone is longer than the window; 1,219 beyond "
        "the recipe's limit; 5 scored without the beginning of the question, which the window "
        "cuts off"
    )
    assert counted(asked, "whole") == "164 items"
    assert left_out(asked, "whole") == "7 to 9 texts did not end, and were cut at the most tokens"
    assert (counted(asked, "unknown"), left_out(asked, "unknown")) == ("", "")


def test_checkpoints_that_were_asked_different_items_have_a_range() -> None:
    other = pl.Series([39, 41, 164, 164])
    asked = items_asked(RUNS.with_columns(items=other, left_out=100 - other).head(2), ITEMS)
    assert counted(asked, "gsm8k") == "39 to 41 of 100 items"
    assert left_out(asked, "gsm8k").startswith("59 to 61 left out")


def test_how_items_were_put_is_said_once_a_benchmark() -> None:
    assert prompt_notes(items_asked(RUNS)) == [
        "gsm8k: put as the task gsm8k of lm-evaluation-harness does.",
        "whole: put bare, the question alone.",
    ]
