"""Which items of its benchmark a score is of: what was left out is counted beside it.

An item has no part in a score for one of two reasons: the recipe's ``limit`` ends before it, or
what cannot be cut of it is longer than the window in which all checkpoints are compared: an answer,
or a prompt with all that may be written after it.
"""

from collections.abc import Mapping

import polars as pl

ASKED = pl.Schema(
    {
        "checkpoint": pl.String,
        "benchmark": pl.String,
        "prompt": pl.String,
        "scored": pl.Int64,
        "too_long": pl.Int64,
        "beyond_limit": pl.Int64,
        "cut_questions": pl.Int64,
        "never_ended": pl.Int64,
    }
)
"""A row a checkpoint and benchmark: the ``prompt`` that put the items; those ``scored``, those left
out since an answer, or a prompt with what may be written, is longer than the window
(``too_long``), those ``beyond_limit``; together they
are all there are. ``cut_questions`` of the scored ones lost their beginning to the window;
``never_ended`` of what was written was cut at the method's limit."""


def items_asked(runs: pl.DataFrame, items: Mapping[str, int] | None = None) -> pl.DataFrame:
    """The table ``ASKED``, of ``harness.RUNS`` with a ``checkpoint``, and of the number of
    ``items`` of each benchmark; without them ``beyond_limit`` is null.

    Raises ``KeyError`` for a benchmark that is not among the items.
    """
    totals = [None if items is None else items[name] for name in runs["benchmark"]]
    asked = pl.col("items") + pl.col("left_out")
    return runs.select(
        "checkpoint",
        "benchmark",
        "prompt",
        pl.col("items").alias("scored"),
        pl.col("left_out").alias("too_long"),
        (pl.Series(totals, dtype=pl.Int64) - asked).alias("beyond_limit"),
        "cut_questions",
        "never_ended",
    ).cast(ASKED)


def prompt_notes(asked: pl.DataFrame) -> list[str]:
    """How each benchmark's items were put, a sentence for each."""
    own = {
        "bare": "bare, the question alone",
        "humanevalfix": "with the tests, as HumanEvalFix asks",
        "lettered": "with lettered choices",
    }
    return [
        f"{benchmark}: put {own[prompt]}."
        if prompt in own
        else f"{benchmark}: put as the task {prompt} of lm-evaluation-harness does."
        for benchmark, prompt in asked.select("benchmark", "prompt")
        .unique(maintain_order=True)
        .rows()
    ]


def counted(asked: pl.DataFrame, benchmark: str) -> str:
    """How many items the scores of a benchmark are of: ``39 of 100 items``; empty if not known.

    The whole is what the recipe asks; a range, where checkpoints were asked different items.
    """
    rows = asked.filter(pl.col("benchmark") == benchmark)
    if rows.is_empty():
        return ""
    scored = _range(rows["scored"])
    if not rows["too_long"].sum():
        return f"{scored} items"
    return f"{scored} of {_range(rows['scored'] + rows['too_long'])} items"


def left_out(asked: pl.DataFrame, benchmark: str) -> str:
    """What was left out of a benchmark or cut, and why, in words; empty where nothing was."""
    rows = asked.filter(pl.col("benchmark") == benchmark)
    reasons = (
        (
            "too_long",
            "{} left out, since an answer or a prompt alone is longer than the window",
        ),
        ("beyond_limit", "{} beyond the recipe's limit"),
        (
            "cut_questions",
            "{} scored without the beginning of the question, which the window cuts off",
        ),
        ("never_ended", "{} texts did not end, and were cut at the most tokens"),
    )
    return "; ".join(
        words.format(_range(rows[column])) for column, words in reasons if rows[column].sum()
    )


def _range(numbers: pl.Series) -> str:
    """One number, or the least and the greatest."""
    ordered = [f"{number:,}" for number in numbers.unique().sort().to_list()]
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"
