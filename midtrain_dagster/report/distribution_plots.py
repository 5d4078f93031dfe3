"""Small multiples: how each signal and rating is spread in each source, beside its bounds.

One row an attribute, one column a source, all of a row on the same axis (Tufte, *Envisioning
Information*, 1990, chapter 4: one compares within the eye's span). Heights are square roots of
shares, so that a thin tail beyond a bound can be seen. What is drawn is worked out here once, for
the page (inline SVG) and for the asset's picture in the UI (matplotlib).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from midtrain_dagster.curation.distributions import Scale, scale_of
from midtrain_dagster.report import numbers
from midtrain_dagster.report.style import BLUE, INK, MUTED, RULE, VERMILION, figure, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 48
"""Bars of a small multiple, at most."""

ROWS_IN_THE_UI = 14
SOURCES_IN_THE_UI = 8


class Limit(NamedTuple):
    """A bound as it is told: one, though several kinds ask it."""

    reason: str
    side: str
    value: float
    kinds: tuple[str, ...]


class Bar(NamedTuple):
    """A bar of a small multiple: its column, its height of 1, whether it lies outside a bound."""

    column: int
    height: float
    outside: bool


@dataclass(frozen=True)
class Spread:
    """One attribute in one source. ``violating`` is a share of the documents tested; None if the
    source's kinds have no bound on the attribute. ``lines`` are the bounds' columns."""

    bars: tuple[Bar, ...]
    documents: int
    missing: int
    violating: float | None
    lines: tuple[int, ...]


@dataclass(frozen=True)
class LookRow:
    """One attribute over all sources: ``columns`` bars, the first at ``low``, the last at
    ``high``."""

    table: str
    attribute: str
    limits: tuple[Limit, ...]
    columns: int
    low: float
    high: float
    violating: int
    decided: int
    spreads: Mapping[str, Spread]


def sources_of(histograms: pl.DataFrame) -> list[str]:
    """The sources, the largest first."""
    largest = histograms.group_by("source", "attribute").agg(pl.col("documents").sum())
    by_source = largest.group_by("source").agg(pl.col("documents").max())
    return by_source.sort("documents", "source", descending=[True, False])["source"].to_list()


def look_rows(histograms: pl.DataFrame, bounds: pl.DataFrame) -> list[LookRow]:
    """Every attribute: ratings first, then those whose bounds are crossed most often.

    ``histograms`` and ``bounds`` are the tables of `curation.distributions`.
    """
    asked = bounds.partition_by("attribute", as_dict=True)
    rows = [
        _row(str(table), str(attribute), found, asked.get((attribute,), bounds.clear()))
        for (table, attribute), found in histograms.partition_by(
            "table", "attribute", as_dict=True
        ).items()
    ]
    return sorted(
        rows, key=lambda row: (row.table != "ratings", -row.decided, -row.violating, row.attribute)
    )


def _row(table: str, attribute: str, found: pl.DataFrame, asked: pl.DataFrame) -> LookRow:
    scale = scale_of(table, attribute)
    ends = [int(_bin(scale, value)) for value in asked["bound"].unique().sort()]
    bins = found["bin"].drop_nulls()
    first = min([*ends, int(bins.min() or 0)])  # type: ignore[arg-type]
    last = max([*ends, int(bins.max() or 0)])  # type: ignore[arg-type]
    width = -(-(last - first + 1) // COLUMNS)
    columns = -(-(last - first + 1) // width)
    spreads = {
        str(source): _spread(scale, rows, asked.filter(source=source), first, width)
        for (source,), rows in found.partition_by("source", as_dict=True).items()
    }
    limits = (
        asked.group_by("reason", "side", "bound")
        .agg(kinds=pl.col("kind").unique().sort())
        .sort(pl.col("side") != "minimum", "bound", "reason")
    )
    return LookRow(
        table,
        attribute,
        tuple(
            Limit(reason, side, value, tuple(kinds))
            for reason, side, value, kinds in limits.iter_rows()
        ),
        columns,
        scale.value(first * scale.width),
        scale.value(last * scale.width),
        sum(_violating(rows) for _, rows in asked.group_by("source", "kind")),
        int(asked["decided"].sum()),
        spreads,
    )


def _bin(scale: Scale, value: float) -> int:
    place = pl.select(scale.position(pl.lit(value, pl.Float32)) / scale.width).item()
    return int(np.floor(place))


def _violating(bounds: pl.DataFrame) -> int:
    """Documents of one source and kind outside some bound: the stricter of a side has the looser's,
    and no value is outside both ends."""
    return int(bounds.group_by("side").agg(pl.col("violating").max())["violating"].sum())


def _spread(
    scale: Scale, found: pl.DataFrame, asked: pl.DataFrame, first: int, width: int
) -> Spread:
    known = found.filter(pl.col("bin").is_not_null())
    counts = (
        known.group_by(column=(pl.col("bin") - first) // width)
        .agg(pl.col("documents").sum())
        .sort("column")
    )
    documents = int(known["documents"].sum())
    top = float(counts["documents"].max() or 1)  # type: ignore[arg-type]
    ends = [
        (side, (_bin(scale, value) - first) // width)
        for side, value in asked.select("side", "bound").unique().sort("side", "bound").iter_rows()
    ]
    tested = int(asked.group_by("kind").agg(pl.col("documents").max())["documents"].sum())
    violating = sum(_violating(rows) for _, rows in asked.group_by("kind"))
    return Spread(
        tuple(
            Bar(
                column,
                float(np.sqrt(count / top)),
                any(column < end if side == "minimum" else column > end for side, end in ends),
            )
            for column, count in counts.iter_rows()
        ),
        documents,
        int(found["documents"].sum()) - documents,
        violating / tested if tested else None,
        tuple(end if side == "minimum" else end + 1 for side, end in ends),
    )


def outside_or_inside(spread: Spread, outside: bool) -> Iterator[tuple[int, list[float]]]:
    """Runs of neighbouring bars on one side of the bounds: the first column, and their heights."""
    start, heights = 0, list[float]()
    for bar in (bar for bar in spread.bars if bar.outside == outside):
        if heights and bar.column != start + len(heights):
            yield start, heights
            heights = []
        if not heights:
            start = bar.column
        heights.append(bar.height)
    if heights:
        yield start, heights


def spoken_value(table: str, attribute: str, value: float, digits: int = 3) -> str:
    """A value of an attribute as it is written: counts short, shares and ratings with digits."""
    if scale_of(table, attribute).name == "count" and value >= 100:
        return numbers.count(round(value))
    return f"{value:.{digits}g}"


def spoken_limit(row: LookRow, limit: Limit) -> str:
    """A bound in words: ``at most 0.2``."""
    side = "at least" if limit.side == "minimum" else "at most"
    return f"{side} {spoken_value(row.table, row.attribute, limit.value)}"


def small_multiples(histograms: pl.DataFrame, bounds: pl.DataFrame) -> "Figure":
    """The ratings and the bounds that decide most, for the UI; the page has them all."""
    sources = sources_of(histograms)[:SOURCES_IN_THE_UI]
    every = look_rows(histograms, bounds)
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


def _draw_name(axes: "Axes", number: int, row: LookRow) -> None:
    axes.annotate(row.attribute, (-1.9, number - 0.3), fontsize=8, va="center")
    told = "; ".join(dict.fromkeys(spoken_limit(row, limit) for limit in row.limits)) or "no bound"
    axes.annotate(told, (-1.9, number), fontsize=7, va="center", color=MUTED)


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
        told = numbers.share(spread.violating)
        axes.annotate(
            told,
            (column + 0.9, number + 0.13),
            fontsize=7,
            ha="right",
            va="center",
            color=VERMILION,
        )
