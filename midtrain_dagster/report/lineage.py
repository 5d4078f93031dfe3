"""The lineage graph: a column for each group, a box for each asset, causes to the left.

Groups stand in the order in which they first come, assets of a group in the order of their depth
in the graph, so that most lines run to the right and those inside a group run down. Dagster's own
page has the live graph; this one has the fingerprints of this very run.
"""

import re
from graphlib import TopologicalSorter
from typing import Any

import polars as pl

from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    Box,
    Diagram,
    Line,
    Notice,
    PageSection,
    Span,
    Table,
    columns,
)

VERSION = 2

ASSETS = pl.Schema(
    {
        "asset": pl.String(),
        "group": pl.String(),
        "fingerprints": pl.List(pl.String()),
        "table": pl.String(),
        "rows": pl.Int64(),
        "tokens": pl.Int64(),
        "upstream": pl.List(pl.String()),
    }
)
"""A row an asset: its fingerprint, or one for each partition; its main table and the rows of that,
and its tokens (null where it has none); the assets that it was made from."""

PITCH, BOX = 118, 102
STEP, HEIGHT = 56, 46
TOP = 38

LINE, LINES = 15, 2
"""Characters of a name that fit one line of a box, and its lines; the whole name is its title."""

FINGERPRINT = 10
"""Hexadecimal digits shown of a fingerprint."""

Curve = tuple[int, int, int, int, int, int, int, int]


def lineage_section(assets: pl.DataFrame) -> PageSection:
    """The graph of this run and its fingerprints; ``assets`` has the schema ``ASSETS``."""
    lead = (
        "Every artifact lies under a hash of its causes: what it was made from, by which version "
        "of which method, with which part of the recipe. The same fingerprint is the same artifact."
    )
    if assets.is_empty():
        return PageSection("lineage", "Lineage", lead, (Notice("No asset has been made."),))
    return PageSection("lineage", "Lineage", lead, (diagram(assets), _table(assets)))


def diagram(assets: pl.DataFrame) -> Diagram:
    """The assets as a graph. Upstream names that are no asset of the table have no box, no line.

    Raises :class:`graphlib.CycleError` for assets that depend on themselves.
    """
    places = _places(assets)
    groups = assets["group"].unique(maintain_order=True).to_list()
    rows = assets.to_dicts()
    return Diagram(
        "Lineage graph",
        "Groups from left to right, assets as boxes with their size; lines lead from causes to "
        "what was made of them. Dagster's own page shows the same graph live.",
        width=len(groups) * PITCH - (PITCH - BOX) + 2,
        height=max(y for _, y in places.values()) + HEIGHT + 2,
        box=(BOX, HEIGHT),
        heads=tuple(
            (column * PITCH + 1, tuple(_lines(group))) for column, group in enumerate(groups)
        ),
        boxes=tuple(
            Box(
                *places[row["asset"]],
                title=f"{row['asset']} {_fingerprint(row)}" + _of_table(row),
                lines=tuple(_lines(row["asset"])),
                size=_size(row),
            )
            for row in rows
        ),
        curves=tuple(
            _curve(places[name], places[row["asset"]])
            for row in rows
            for name in row["upstream"]
            if name in places
        ),
    )


def _table(assets: pl.DataFrame) -> Table:
    """The same as a table: what every asset is made of, by fingerprint."""
    rows = tuple(
        (
            Span(row["asset"], "strong"),
            Span(row["group"], "name"),
            Span(_fingerprint(row, FINGERPRINT), "code", _fingerprint(row)),
            numbers.count(row["rows"]),
            row["table"] and Span(row["table"], "name"),
            numbers.count(row["tokens"]),
            _names(row["upstream"]),
        )
        for row in assets.iter_rows(named=True)
    )
    head = ("Asset", "Group", "Fingerprint", "#Rows", "of table", "#Tokens", "Made from")
    return Table(columns(*head), rows)


def _of_table(row: dict[str, Any]) -> str:
    return f", {row['rows']:,} rows of {row['table']}" if row["table"] else ""


def _names(names: list[str]) -> Line:
    pieces: list[str | Span] = []
    for name in names:
        pieces += [", "] * bool(pieces) + [Span(name, "name")]
    return tuple(pieces)


def _places(assets: pl.DataFrame) -> dict[str, tuple[int, int]]:
    """The top left corner of each box."""
    upstream = dict(assets.select("asset", "upstream").iter_rows())
    depth: dict[str, int] = {}
    for name in TopologicalSorter(upstream).static_order():
        depth[name] = 1 + max((depth[above] for above in upstream.get(name, ())), default=0)
    by_group: dict[str, list[str]] = {}
    for asset, group in assets.select("asset", "group").iter_rows():
        by_group.setdefault(group, []).append(asset)
    tallest = max(map(len, by_group.values()))
    places = {}
    for column, names in enumerate(by_group.values()):
        top = TOP + (tallest - len(names)) * STEP // 2
        for row, name in enumerate(sorted(names, key=lambda each: depth[each])):
            places[name] = (column * PITCH + 1, top + row * STEP)
    return places


def _curve(start: tuple[int, int], end: tuple[int, int]) -> Curve:
    (x, y), (to_x, to_y) = start, end
    y, to_y = y + HEIGHT // 2, to_y + HEIGHT // 2
    if to_x == x:
        return x, y, x - 10, y, x - 10, to_y, x, to_y
    if to_x > x:
        x, bend = x + BOX, 12 + (to_x - x - PITCH) // 3
        return x, y, x + bend, y, to_x - bend, to_y, to_x, to_y
    to_x, bend = to_x + BOX, 40
    return x, y, x - bend, y, to_x + bend, to_y, to_x, to_y


def _size(row: dict[str, Any]) -> str:
    """How much an asset holds: its tokens if it has any, else its rows."""
    for unit in ("tokens", "rows"):
        if row[unit]:
            return f"{numbers.count(row[unit])} {unit if row[unit] != 1 else unit[:-1]}"
    return ""


def _lines(name: str) -> list[str]:
    """A name on at most ``LINES`` lines, broken after ``/``.

    Of one that is longer the first parts of its path are left out; what is left is broken after
    ``_`` too, and cut where that is not enough.
    """
    lines = _packed(re.findall(r"[^/]*/|[^/]+", name))
    fits = len(lines) <= LINES and all(len(line) <= LINE for line in lines)
    if fits and lines[0] != "…/":
        return lines
    _, _, rest = name.removeprefix("…/").partition("/")
    if rest:
        return _lines(f"…/{rest}")
    lines = _packed(re.findall(r"[^_/]*[_/]|[^_/]+", name))
    shown = lines[:LINES]
    if len(lines) > LINES:
        shown[-1] += "…"
    return [line if len(line) <= LINE + 1 else f"{line[:LINE]}…" for line in shown]


def _packed(pieces: list[str]) -> list[str]:
    """Pieces on as few lines as they fit."""
    lines = [""]
    for piece in pieces:
        if lines[-1] and len(lines[-1]) + len(piece) > LINE:
            lines.append("")
        lines[-1] += piece
    return lines


def _fingerprint(row: dict[str, Any], digits: int | None = None) -> str:
    """The asset's fingerprint or its beginning; of several, how many there are."""
    fingerprints = row["fingerprints"]
    return fingerprints[0][:digits] if len(fingerprints) == 1 else f"{len(fingerprints)} partitions"
