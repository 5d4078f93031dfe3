"""Figures of decay laws: the law's curves over the measured ones."""

from typing import TYPE_CHECKING

import polars as pl

from midtrain_dagster.display.numbers import count, rate
from midtrain_dagster.display.style import INK, category_colours, figure, house_style
from midtrain_dagster.display.words import spoken

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARGIN = 0.08
"""Of the losses' span, above and below."""


def law_over_measured(curves: pl.DataFrame) -> "Figure":
    """The rates of runs above; below, their losses as points, and the law as a line in its
    interval.

    ``curves`` is the table of ``laws.decay.tables.CURVES``. The first tenth of the points of a run,
    which would flatten all the rest, may lie above the axis.
    """
    runs = curves["run"].unique(maintain_order=True).to_list()
    colours = category_colours(runs)
    with house_style():
        made, (top, bottom) = figure(
            4.8, 2, sharex=True, gridspec_kw={"height_ratios": (1, 2.6), "hspace": 0.06}
        )
        settled = []
        for run in runs:
            table, colour = curves.filter(run=run), colours[run]
            step = table["step"].to_numpy()
            top.plot(step, table["rate"].to_numpy(), color=colour)
            measured, law = table["measured"].to_numpy(), table["law"].to_numpy()
            bottom.scatter(step, measured, s=5, color=colour, alpha=0.4, lw=0)
            bottom.fill_between(
                step,
                table["low"].to_numpy(),
                table["high"].to_numpy(),
                color=colour,
                alpha=0.2,
                lw=0,
            )
            bottom.plot(step, law, color=colour, label=spoken(run))
            settled += [*measured[len(measured) // 10 :], *law[len(law) // 10 :]]
        span = max(settled) - min(settled)
        bottom.set_ylim(min(settled) - MARGIN * span, max(settled) + MARGIN * span)
        bottom.scatter([], [], s=5, color=INK, label="measured")
        top.set_title("Learning rate")
        top.set_ylim(bottom=0)
        top.yaxis.set_major_formatter(lambda value, _: rate(value))
        bottom.set_title("Training loss, nats a token: measured, and the law with its interval")
        bottom.set_xlabel("steps, from the first of all runs before")
        bottom.xaxis.set_major_formatter(lambda value, _: count(value))
        for axes in (top, bottom):
            axes.grid(axis="y")
        made.legend(loc="outside lower left", ncols=6)
    return made
