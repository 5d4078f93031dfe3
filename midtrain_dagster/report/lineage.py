"""The lineage graph as an inline SVG: a column per group, an asset per box, causes from the left.

Groups stand in the order in which they first come, assets of a group in the order of their depth
in the graph, so that most lines run to the right and those inside a group run down. Dagster's own
page has the live graph; this one has the fingerprints of this very run.
"""

from graphlib import TopologicalSorter

import polars as pl

from midtrain_dagster.report import numbers
from midtrain_dagster.report.markup import Html, element, escape, join, table
from midtrain_dagster.report.style import BLUE, INK, MUTED, PAPER, RULE

PITCH, BOX = 118, 102
STEP, HEIGHT = 56, 46
TOP = 26
LINE = 14
"""Characters of a name that fit one line of a box; a name has two lines, and whole in the title."""

FINGERPRINT = 10
"""Hexadecimal digits shown of a fingerprint."""


def lineage_svg(assets: pl.DataFrame) -> str:
    """Draw the assets (``asset``, ``group``, ``fingerprint``, ``rows``, ``tokens``, ``upstream``).

    Upstream names that are no asset of the table have no box and no line. Raises
    :class:`graphlib.CycleError` for assets that depend on themselves.
    """
    places = _places(assets)
    groups = assets["group"].unique(maintain_order=True).to_list()
    width = len(groups) * PITCH - (PITCH - BOX) + 2
    bottom = max((y for _, y in places.values()), default=0) + HEIGHT + 2
    parts = [
        _text(column * PITCH + 1, 12, group, BLUE, 10.5) for column, group in enumerate(groups)
    ]
    for row in assets.iter_rows(named=True):
        parts.extend(
            _line(places[name], places[row["asset"]])
            for name in row["upstream"] or []
            if name in places
        )
    parts.extend(_box(row, places[row["asset"]]) for row in assets.iter_rows(named=True))
    content = "\n".join(parts)
    return (
        f'<svg viewBox="0 0 {width} {bottom}" width="{width}" height="{bottom}" role="img" '
        f'aria-label="Lineage graph" xmlns="http://www.w3.org/2000/svg">\n{content}\n</svg>\n'
    )


def lineage_table(assets: pl.DataFrame) -> Html:
    """The same as a table: what every asset is made of, by fingerprint."""
    rows = (
        (
            element("strong", row["asset"]),
            row["group"],
            element("code", _short(row["fingerprint"] or ""), title=row["fingerprint"]),
            numbers.count(row["rows"]),
            numbers.count(row["tokens"]),
            join((element("span", name) for name in row["upstream"] or []), ", "),
        )
        for row in assets.iter_rows(named=True)
    )
    columns = ("Asset", "Group", "Fingerprint", "#Rows", "#Tokens", "Made from")
    return table(columns, rows, class_="lineage")


def _places(assets: pl.DataFrame) -> dict[str, tuple[int, int]]:
    """The top left corner of each box."""
    upstream = {row["asset"]: list(row["upstream"] or []) for row in assets.iter_rows(named=True)}
    depth: dict[str, int] = {}
    for name in TopologicalSorter(upstream).static_order():
        depth[name] = 1 + max((depth[above] for above in upstream.get(name, ())), default=0)
    columns: dict[str, list[str]] = {}
    for asset, group in assets.select("asset", "group").iter_rows():
        columns.setdefault(group, []).append(asset)
    tallest = max(map(len, columns.values()), default=0)
    places = {}
    for column, names in enumerate(columns.values()):
        top = TOP + (tallest - len(names)) * STEP // 2
        for row, name in enumerate(sorted(names, key=lambda each: depth[each])):
            places[name] = (column * PITCH + 1, top + row * STEP)
    return places


def _line(start: tuple[int, int], end: tuple[int, int]) -> str:
    (x, y), (to_x, to_y) = start, end
    y, to_y = y + HEIGHT // 2, to_y + HEIGHT // 2
    if to_x == x:
        path = f"M{x} {y} C{x - 10} {y} {x - 10} {to_y} {x} {to_y}"
    elif to_x > x:
        x, bend = x + BOX, 12 + (to_x - x - PITCH) // 3
        path = f"M{x} {y} C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}"
    else:
        to_x, bend = to_x + BOX, 40
        path = f"M{x} {y} C{x - bend} {y} {to_x + bend} {to_y} {to_x} {to_y}"
    return (
        f'<path d="{path}" fill="none" stroke="{BLUE}" stroke-opacity="0.28" stroke-width="1.1"/>'
    )


def _box(row: dict[str, object], place: tuple[int, int]) -> str:
    x, y = place
    name, size = str(row["asset"]), ""
    for unit in ("tokens", "rows"):
        value = row[unit]
        if isinstance(value, int) and value:
            size = f"{numbers.count(value)} {unit if value != 1 else unit[:-1]}"
            break
    rows = [(line, INK, 10.5) for line in _lines(name)] + [(size, MUTED, 9.5)] * bool(size)
    top = y + HEIGHT / 2 - 6.5 * (len(rows) - 1) + 3.5
    return (
        f"<g><title>{escape(name)} {escape(str(row['fingerprint'] or ''))}</title>"
        f'<rect x="{x}" y="{y}" width="{BOX}" height="{HEIGHT}" rx="4" fill="{PAPER}" '
        f'stroke="{RULE}"/>'
        + "".join(
            _text(x + 8, top + 13 * number, text, fill, points)
            for number, (text, fill, points) in enumerate(rows)
        )
        + "</g>"
    )


def _lines(name: str) -> list[str]:
    """A name on at most two lines, broken after an underscore and cut where it is longer still."""
    if len(name) <= LINE:
        return [name]
    cut = name.rfind("_", 0, LINE) + 1 or LINE
    rest = name[cut:]
    return [name[:cut], rest if len(rest) <= LINE else f"{rest[: LINE - 1]}…"]


def _short(fingerprint_: str) -> str:
    """The start of a hash; what is no hash (``3 partitions``) stays whole."""
    return fingerprint_[:FINGERPRINT] if len(fingerprint_) > 2 * FINGERPRINT else fingerprint_


def _text(x: float, y: float, text: str, fill: str, size: float) -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{fill}">{escape(text)}</text>'
