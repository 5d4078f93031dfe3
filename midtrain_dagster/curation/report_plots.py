"""Figures of curation: the funnel, and how signals and ratings are spread in each source."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from midtrain_dagster.curation.distribution_rows import (
    DistributionRow,
    Spread,
    distribution_rows,
    outside_or_inside,
    sources_of,
    spoken_limit,
)
from midtrain_dagster.display.numbers import count, share
from midtrain_dagster.display.style import (
    BLUE,
    INK,
    MUTED,
    RULE,
    VERMILION,
    category_colours,
    figure,
    house_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROWS_IN_THE_UI = 14
SOURCES_IN_THE_UI = 8


def funnel(steps: pl.DataFrame) -> "Figure":
    """What is left after each step of curation: in all by kind, and as a share of each source.

    ``steps`` has ``step``, ``source``, ``kind``, ``documents`` and ``characters`` left after the
    step, in the order of the steps; the first step is what was collected.
    """
    names = steps["step"].unique(maintain_order=True).to_list()
    kinds = steps["kind"].unique(maintain_order=True).to_list()
    sources = steps["source"].unique(maintain_order=True).to_list()
    colours = category_colours(kinds)
    by_kind = steps.group_by("step", "kind").agg(pl.col("documents").sum())
    cells = {(row[0], row[1]): row[2] for row in by_kind.iter_rows()}
    totals = {
        row[0]: row[1:]
        for row in steps.group_by("step").agg(pl.col("documents", "characters").sum()).iter_rows()
    }
    first = max(totals[names[0]][0], 1)
    with house_style():
        made, (left, right) = figure(
            1.3 + 0.5 * len(names),
            1,
            2,
            sharey=True,
            gridspec_kw={"width_ratios": (1, 0.12 * (len(sources) + 2)), "wspace": 0.02},
        )
        for row, step in enumerate(names):
            start = 0.0
            for kind in kinds:
                documents = cells.get((step, kind), 0)
                left.barh(row, documents, left=start, height=0.46, color=colours[kind], lw=0)
                start += documents
            documents, characters = totals[step]
            left.annotate(
                f"{count(documents)} documents ({share(documents / first)}), "
                f"{count(characters)} characters",
                (0, row),
                xytext=(0, 14),
                textcoords="offset points",
                va="center",
                color=MUTED,
                fontsize=7.5,
            )
        for kind in kinds:
            left.barh(0, 0, color=colours[kind], label=kind)
        left.set_ylim(len(names) - 0.5, -0.75)
        left.set_yticks(range(len(names)), names)
        left.tick_params(axis="y", labelcolor=INK, labelsize=9)
        left.set_title("Documents left after each step, by kind")
        left.spines["left"].set_visible(False)
        left.xaxis.set_major_formatter(lambda value, _: count(value))
        left.grid(axis="x")
        made.legend(loc="outside lower left", ncols=len(kinds), handlelength=1, handleheight=1)
        _shares_left(right, steps, names, sources)
    return made


def _shares_left(axes: "Axes", steps: pl.DataFrame, names: list[str], sources: list[str]) -> None:
    """A table of the share of each source's documents that is left, darker where more is."""
    sums = steps.group_by("step", "source").agg(pl.col("documents").sum())
    left = {(row[0], row[1]): row[2] for row in sums.iter_rows()}
    for column, source in enumerate(sources):
        for row, step in enumerate(names):
            part = left.get((step, source), 0) / max(left.get((names[0], source), 0), 1)
            axes.barh(
                row,
                0.94,
                left=column - 0.47,
                height=0.46,
                color=BLUE,
                alpha=0.04 + 0.5 * part,
                lw=0,
            )
            axes.annotate(share(part), (column, row), ha="center", va="center", fontsize=7.5)
    axes.set_xlim(-0.5, len(sources) - 0.5)
    axes.set_xticks(range(len(sources)), sources, rotation=28, ha="right", rotation_mode="anchor")
    axes.tick_params(axis="x", length=0, labelcolor=INK)
    axes.tick_params(axis="y", labelleft=False)
    axes.set_title("Share of each source's documents left")
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)


def small_multiples(histograms: pl.DataFrame, bounds: pl.DataFrame) -> "Figure":
    """The ratings and the bounds that decide most, for the UI; the page has them all."""
    sources = sources_of(histograms)[:SOURCES_IN_THE_UI]
    every = distribution_rows(histograms, bounds)
    rows = [row for row in every if row.table == "ratings" or row.violating][:ROWS_IN_THE_UI]
    with house_style():
        made, axes = figure(0.9 + 0.5 * max(len(rows), 1))
        for number, row in enumerate(rows):
            _draw_name(axes, number, row)
            for column, source in enumerate(sources):
                if source in row.spreads:
                    _draw(axes, row.spreads[source], row.columns, column, number)
        axes.set_xlim(-1.9, max(len(sources), 1))
        axes.set_ylim(max(len(rows), 1) - 0.2, -1)
        axes.set_xticks([column + 0.45 for column in range(len(sources))], sources)
        axes.xaxis.tick_top()
        axes.tick_params(axis="x", length=0, labelcolor=INK)
        axes.set_yticks([])
        for side in ("left", "bottom", "top"):
            axes.spines[side].set_visible(False)
        axes.set_title("Ratings, and the signals whose bounds drop most (outside them in orange)")
    return made


def _draw_name(axes: "Axes", number: int, row: DistributionRow) -> None:
    axes.annotate(row.attribute, (-1.9, number - 0.3), fontsize=8, va="center")
    words = "; ".join(dict.fromkeys(spoken_limit(row, limit) for limit in row.limits)) or "no bound"
    axes.annotate(words, (-1.9, number), fontsize=7, va="center", color=MUTED)


def _draw(axes: "Axes", spread: Spread, columns: int, column: int, number: int) -> None:
    axes.plot([column, column + 0.9], [number, number], color=RULE, lw=0.8)
    for outside, colour in ((False, BLUE), (True, VERMILION)):
        bare = spread.violating is None
        for start, heights in outside_or_inside(spread, outside):
            edges = column + 0.9 * np.arange(start, start + len(heights) + 1) / columns
            tops: Sequence[float] = number - 0.72 * np.asarray(heights)  # type: ignore[assignment]
            axes.stairs(
                tops,
                edges,
                baseline=number,
                fill=True,
                color=MUTED if bare else colour,
                alpha=0.35 if bare else 0.75,
                lw=0,
            )
    for line in spread.lines:
        place = column + 0.9 * line / columns
        axes.plot([place, place], [number, number - 0.78], color=INK, lw=0.7)
    if spread.violating:
        words = share(spread.violating)
        axes.annotate(
            words,
            (column + 0.9, number + 0.13),
            fontsize=7,
            ha="right",
            va="center",
            color=VERMILION,
        )
