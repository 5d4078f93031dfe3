"""The figure of synthesis: what became of the completions."""

from typing import TYPE_CHECKING

import polars as pl

from midtrain_dagster.display.numbers import count, share
from midtrain_dagster.display.style import (
    BLUE,
    GREY,
    bar_label,
    category_rows,
    figure,
    house_style,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


TAKEN = ("accepted", "joined")
"""What is in documents: a completion, or a file."""


def synthesis_outcomes(outcomes: pl.DataFrame, what: str = "completions") -> "Figure":
    """How many completions (or files) became documents, and why the others did not.

    ``outcomes`` has ``reason`` and ``count``; the reason ``accepted`` (or ``joined``) is drawn
    first, in colour.
    """
    ordered = outcomes.sort(
        ~pl.col("reason").is_in(TAKEN), -pl.col("count").cast(pl.Int64), "reason"
    )
    names, counts = ordered["reason"].to_list(), ordered["count"].to_list()
    total = max(sum(counts), 1)
    with house_style():
        made, axes = figure(0.8 + 0.36 * len(names))
        colours = [BLUE if name in TAKEN else GREY for name in names]
        axes.barh(range(len(names)), counts, height=0.56, color=colours, lw=0)
        for row, number in enumerate(counts):
            bar_label(axes, number, row, f"{count(number)} ({share(number / total)})")
        axes.set_title(f"{count(sum(counts))} {what}, by what became of them")
        axes.margins(x=0.15)
        category_rows(axes, names)
    return made
