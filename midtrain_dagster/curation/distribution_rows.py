"""Small multiples: how each signal and rating is spread in each source, beside its bounds.

One row an attribute, one column a source, all of a row on the same axis (Tufte, *Envisioning
Information*, 1990, chapter 4: one compares within the eye's span). Heights are square roots of
counts, so that a thin tail beyond a bound can be seen. What is drawn is worked out here once, for
the page (inline SVG) and for the asset's picture in the UI (matplotlib).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from midtrain_dagster.curation.distributions import Scale, scale_of
from midtrain_dagster.display import numbers

COLUMNS = 48
"""Bars of a small multiple, at most."""


class Limit(NamedTuple):
    """A bound of an attribute, and the kinds of documents that have it."""

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
class DistributionRow:
    """One attribute over all sources, in ``columns`` bars on an axis from ``low`` to ``high``.

    ``violating`` counts documents outside a bound, ``decided`` those that were dropped for it.
    """

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


def distribution_rows(histograms: pl.DataFrame, bounds: pl.DataFrame) -> list[DistributionRow]:
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


def _row(table: str, attribute: str, found: pl.DataFrame, asked: pl.DataFrame) -> DistributionRow:
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
    return DistributionRow(
        table,
        attribute,
        tuple(
            Limit(reason, side, value, tuple(kinds))
            for reason, side, value, kinds in limits.iter_rows()
        ),
        columns,
        scale.value(first * scale.width),
        scale.value((last + 1) * scale.width),
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


def spoken_limit(row: DistributionRow, limit: Limit) -> str:
    """A bound in words: ``at most 0.2``."""
    side = "at least" if limit.side == "minimum" else "at most"
    return f"{side} {spoken_value(row.table, row.attribute, limit.value)}"
