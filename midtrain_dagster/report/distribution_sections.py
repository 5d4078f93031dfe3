"""The section that people look at before they trust: distributions by source, and borders.

Sparklines are inline SVG drawn with classes of the style sheet, so they follow the reader's light
or dark and cost a few hundred bytes each. Rows that nobody needs to see (bounds that nothing
crosses, signals without a bound) are folded away, never left out.
"""

from collections.abc import Iterable, Sequence

import polars as pl

from midtrain_dagster.report import numbers
from midtrain_dagster.report.data import ReportData
from midtrain_dagster.report.distribution_plots import (
    Limit,
    LookRow,
    Spread,
    look_rows,
    outside_or_inside,
    sources_of,
    spoken_limit,
    spoken_value,
)
from midtrain_dagster.report.markup import Html, element, excerpt, join, nothing, section

HEIGHT = 30
OPEN = 12
"""Rows of crossed bounds that are not folded away."""

EXCERPT = 260


def distributions(data: ReportData) -> Html:
    """Every rating and signal by source, its bounds, and the documents nearest to them."""
    title = "Signals and ratings"
    lead = (
        "Before a threshold is trusted, look at what it cuts. Each row is one number that was "
        "measured of every document, each column a source; what lies outside a bound is orange, "
        "with its share of the source. Heights are square roots of shares, so that thin tails "
        "show; a source in grey has no such bound. A bound that cuts through the middle of a "
        "source, or empties one and spares the others, deserves a look at its documents."
    )
    if data.histograms.is_empty():
        return section(
            "distributions", title, lead, nothing("No distributions were counted."), _ask(data)
        )
    shown = sources_of(data.histograms), data.borders
    rows = look_rows(data.histograms, data.bounds)
    crossed = [row for row in rows if row.table != "ratings" and row.violating]
    idle = [row for row in rows if row.table != "ratings" and row.limits and not row.violating]
    free = [row for row in rows if row.table != "ratings" and not row.limits]
    parts = [
        _block("Ratings", [row for row in rows if row.table == "ratings"], *shown),
        _block("Bounds that documents cross", crossed[:OPEN], *shown),
        _folded(crossed[OPEN:], "{} more that fewer documents are dropped for", *shown),
        _folded(idle, "{} bounded signals that every document keeps", *shown),
        _folded(free, "{} signals that no rule of this recipe bounds", *shown),
        _ask(data),
    ]
    return section("distributions", title, lead, *parts)


def _block(
    title: str, rows: Sequence[LookRow], sources: Sequence[str], borders: pl.DataFrame
) -> Html:
    return join((element("h3", title), _table(rows, sources, borders)) if rows else ())


def _folded(
    rows: Sequence[LookRow], words: str, sources: Sequence[str], borders: pl.DataFrame
) -> Html:
    if not rows:
        return Html("")
    summary = element("summary", words.format(len(rows)))
    return element("details", summary, _table(rows, sources, borders), class_="folded")


def _table(rows: Iterable[LookRow], sources: Sequence[str], borders: pl.DataFrame) -> Html:
    heads = [element("th", "Bound", scope="col")]
    heads += [element("th", _breakable(source), scope="col") for source in sources]
    bodies = (_rows(row, sources, borders) for row in rows)
    table = element(
        "table", element("thead", element("tr", *heads)), join(bodies), class_="distributions"
    )
    return element("div", table, class_="scroll")


def _breakable(name: str) -> Html:
    """A name that may be parted after its underscores."""
    return join(name.split("_"), "_<wbr>")


def _rows(row: LookRow, sources: Sequence[str], borders: pl.DataFrame) -> Html:
    """A row of small multiples, and below it the documents at its bounds, folded."""
    cells = [element("th", *_name(row), scope="row")]
    cells += [element("td", _spread(row, source, row.spreads.get(source))) for source in sources]
    shown = [element("tr", *cells)]
    examples = borders.filter(attribute=row.attribute)
    if examples.height:
        folded = element(
            "details",
            element("summary", _promise(row)),
            *(_border(row, limit, examples) for limit in row.limits),
        )
        shown.append(
            element("tr", element("td", folded, colspan=str(len(sources) + 1)), class_="border")
        )
    return element("tbody", *shown)


def _name(row: LookRow) -> list[Html]:
    low, high = (spoken_value(row.table, row.attribute, end, 2) for end in (row.low, row.high))
    return [
        element("code", _breakable(row.attribute)),
        *(
            element("span", spoken_limit(row, limit), element("i", _asked_by(limit)))
            for limit in row.limits
        ),
        element("small", f"axis from {low} to {high}"),
    ]


def _asked_by(limit: Limit) -> str:
    rule = limit.reason.split(":")[0].replace("_", " ")
    return f" {rule}, {' and '.join(limit.kinds)}"


def _promise(row: LookRow) -> str:
    if not row.violating:
        return "The documents nearest to the bound"
    decided = f"the reason for {numbers.count(row.decided)}" if row.decided else "never the reason"
    outside = f"{numbers.count(row.violating)} documents outside, {decided}"
    return f"{outside}: look at those nearest to the bound"


def _spread(row: LookRow, source: str, spread: Spread | None) -> Html:
    if spread is None or not spread.bars:
        return element("span", numbers.MISSING, class_="none")
    bare = spread.violating is None
    drawn = [
        _path(spread, outside, "bare" if bare else "out" if outside else "in")
        for outside in (False, True)
    ]
    lines = "".join(f'<path class="line" d="M{2 * at} 0V{HEIGHT}"/>' for at in spread.lines)
    title = element("title", f"{source}: {numbers.count(spread.documents)} documents")
    picture = Html(
        f'<svg viewBox="0 0 {2 * row.columns} {HEIGHT}" preserveAspectRatio="none" role="img">'
        f"{title}{''.join(drawn)}{lines}</svg>"
    )
    told = [] if bare else [_violating(spread.violating)]
    if spread.missing:
        told.append(element("span", f"{numbers.count(spread.missing)} without", class_="without"))
    return join((picture, element("small", join(told, " "))), "")


def _violating(share: float | None) -> Html:
    return element("span", numbers.share(share), class_="crossing" if share else "keeping")


def _path(spread: Spread, outside: bool, name: str) -> Html:
    """The bars of one side as one path: each run goes up, along its tops, and down again."""
    runs = []
    for start, heights in outside_or_inside(spread, outside):
        # A bar that holds any document can be seen.
        tops = "".join(f"V{min(HEIGHT - 1, round(HEIGHT * (1 - each)))}h2" for each in heights)
        runs.append(f"M{2 * start} {HEIGHT}{tops}V{HEIGHT}z")
    return Html(f'<path class="{name}" d="{"".join(runs)}"/>' if runs else "")


def _border(row: LookRow, limit: Limit, examples: pl.DataFrame) -> Html:
    """The documents on both sides of one bound, for each kind that it is asked of."""
    of_limit = examples.filter(
        pl.col("reason") == limit.reason,
        pl.col("side") == limit.side,
        pl.col("bound") == pl.lit(limit.value, pl.Float32),
    )
    blocks = []
    for (kind,), rows in of_limit.partition_by("kind", as_dict=True, maintain_order=True).items():
        title = element(
            "p",
            element("b", spoken_limit(row, limit)),
            f" for {kind}, reason ",
            element("code", limit.reason),
            class_="of-bound",
        )
        sides = (
            _side(row, rows.filter(~pl.col("within")).sort("rank"), "Just outside"),
            _side(row, rows.filter("within").sort("rank"), "Just inside"),
        )
        blocks.append(join((title, element("div", *sides, class_="sides"))))
    return join(blocks)


def _side(row: LookRow, rows: pl.DataFrame, title: str) -> Html:
    cards = [_card(row, each) for each in rows.iter_rows(named=True)]
    return element("div", element("h4", title), *(cards or [nothing("No document.")]))


def _card(row: LookRow, example: dict[str, str | float]) -> Html:
    kept = example["decision"] == "kept"
    value = spoken_value(row.table, row.attribute, float(example["value"]))
    labels = (
        element("b", value),
        element("span", example["decision"], class_="passed" if kept else "dropped-tag"),
        element("span", example["source"]),
        element("code", str(example["id"])[:12], title=str(example["id"])),
    )
    text = excerpt(str(example["text"] or ""), EXCERPT)
    return element(
        "div", element("p", join(labels, " "), class_="labels"), element("blockquote", text)
    )


def _ask(data: ReportData) -> Html:
    """How to learn everything about one document."""
    some = data.borders if data.borders.height else data.examples
    identity = some["id"][0][:12] if some.height else "DOCUMENT"
    return element(
        "div",
        element("h3", "Ask about one document"),
        element(
            "p",
            "Where it came from, every number and the bound it was tested against, its duplicates "
            "side by side, benchmark text in it, and why it was kept or dropped:",
        ),
        element("pre", element("code", f"midtrain explain recipes/{data.recipe}.yaml {identity}")),
        element("p", "DOCUMENT is the start of an id (6 digits or more) or a part of its place."),
        class_="aside ask",
    )
