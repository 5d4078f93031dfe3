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


def synthesis_outcomes(outcomes: pl.DataFrame) -> "Figure":
    """How many completions became documents, and why the others did not.

    ``outcomes`` has ``reason`` and ``count``; the reason ``accepted`` is drawn first, in colour.
    """
    ordered = outcomes.sort(
        pl.col("reason") != "accepted", -pl.col("count").cast(pl.Int64), "reason"
    )
    names, counts = ordered["reason"].to_list(), ordered["count"].to_list()
    total = max(sum(counts), 1)
    with house_style():
        made, axes = figure(0.8 + 0.36 * len(names))
        colours = [BLUE if name == "accepted" else GREY for name in names]
        axes.barh(range(len(names)), counts, height=0.56, color=colours, lw=0)
        for row, number in enumerate(counts):
            bar_label(axes, number, row, f"{count(number)} ({share(number / total)})")
        axes.set_title(f"{count(sum(counts))} completions, by what became of them")
        axes.margins(x=0.15)
        category_rows(axes, names)
    return made
