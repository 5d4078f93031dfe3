"""The section that people look at before they trust: distributions by source, and borders.

Rows that need no look (bounds that nothing crosses, signals without a bound) are folded away, never
left out.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import polars as pl

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.curation.distribution_rows import (
    DistributionRow,
    Limit,
    Spread,
    distribution_rows,
    outside_or_inside,
    sources_of,
    spoken_limit,
    spoken_value,
)
from midtrain_dagster.curation.distributions import merge
from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    OFFENSIVE,
    Aside,
    Bars,
    Block,
    Card,
    Folded,
    Heading,
    Line,
    MultiplesRow,
    Notice,
    PageSection,
    Sides,
    SmallMultiples,
    Span,
    Sparkline,
    decision_tag,
    short_id,
)
from midtrain_dagster.display.words import excerpt

VERSION = 2

OPEN = 12
"""Rows of crossed bounds that are not folded away."""

EXCERPT = 260

TABLES = ("histograms", "bounds", "borders")


def distributions_section(distributions: Sequence[Artifact]) -> PageSection:
    """Every rating and signal by source, its bounds, and the documents nearest to them.

    ``distributions`` are the artifacts of the collected documents and of each synthesis, whose
    sources differ; they are shown together.
    """
    lead = (
        "Before a threshold is trusted, look at what it cuts. Each row is one number that was "
        "measured of every document, each column a source; what lies outside a bound is orange, "
        "with its share of the source. Heights are square roots of counts, so that thin tails "
        "show; a source in grey has no such bound. A bound that cuts through the middle of a "
        "source, or empties one and spares the others, deserves a look at its documents."
    )
    tables = merge(
        **{name: pl.concat(each.read(name) for each in distributions) for name in TABLES}
    )
    histograms, borders = tables["histograms"], tables["borders"]
    rows = distribution_rows(histograms, tables["bounds"])
    ratings = [row for row in rows if row.table == "ratings"]
    crossed = [row for row in rows if row.table != "ratings" and row.violating]
    idle = [row for row in rows if row.table != "ratings" and row.limits and not row.violating]
    free = [row for row in rows if row.table != "ratings" and not row.limits]
    sources = sources_of(histograms)

    def shown(title: str, some: list[DistributionRow]) -> tuple[Block, ...]:
        return (Heading(title), _multiples(some, sources, borders)) if some else ()

    def folded(words: str, some: list[DistributionRow]) -> tuple[Block, ...]:
        summary = words.format(len(some))
        return (Folded(summary, (_multiples(some, sources, borders),)),) if some else ()

    blocks: tuple[Block, ...] = (
        *shown("Ratings", ratings),
        *shown("Bounds that documents cross", crossed[:OPEN]),
        *folded("{} more that fewer documents are dropped for", crossed[OPEN:]),
        *folded("{} bounded signals that every document keeps", idle),
        *folded("{} signals that no rule of this recipe bounds", free),
    )
    nothing = (Notice("No distributions were counted."),)
    some_document = borders["id"][0] if borders.height else "DOCUMENT"
    return PageSection(
        "distributions",
        "Signals and ratings",
        lead,
        (*(blocks or nothing), ask_about(some_document)),
    )


def ask_about(identity: str) -> Aside:
    """How to learn everything about one document."""
    return Aside(
        "Ask about one document",
        (
            "Where it came from, every number and the bound it was tested against, its duplicates "
            "side by side, benchmark text in it, and why it was kept or dropped. DOCUMENT is the "
            "start of an id (6 digits or more) or a part of its place:",
        ),
        code=f"midtrain explain RECIPE.yaml DOCUMENT\nmidtrain explain RECIPE.yaml {identity[:12]}",
    )


def _multiples(
    rows: Sequence[DistributionRow], sources: Sequence[str], borders: pl.DataFrame
) -> SmallMultiples:
    of_attribute = {
        str(name): examples
        for (name,), examples in borders.partition_by("attribute", as_dict=True).items()
    }
    return SmallMultiples(
        "Bound",
        tuple(sources),
        tuple(_row(row, sources, of_attribute.get(row.attribute)) for row in rows),
    )


def _row(
    row: DistributionRow, sources: Sequence[str], examples: pl.DataFrame | None
) -> MultiplesRow:
    low, high = (spoken_value(row.table, row.attribute, end, 2) for end in (row.low, row.high))
    limits: list[Line] = [
        (spoken_limit(row, limit), Span(_asked_by(limit), "muted")) for limit in row.limits
    ]
    below = None
    if examples is not None:
        sides = tuple(side for limit in row.limits for side in _borders(row, limit, examples))
        below = Folded(_outcome(row), sides, OFFENSIVE)
    return MultiplesRow(
        row.attribute,
        (*limits, Span(f"axis from {low} to {high}", "muted")),
        tuple(_sparkline(row, source, row.spreads.get(source)) for source in sources),
        below,
    )


def _asked_by(limit: Limit) -> str:
    rule = limit.reason.split(":")[0].replace("_", " ")
    return f" {rule}, {' and '.join(limit.kinds)}"


def _outcome(row: DistributionRow) -> str:
    if not row.violating:
        return "The documents nearest to the bound"
    decided = f"the reason for {numbers.count(row.decided)}" if row.decided else "never the reason"
    outside = f"{numbers.count(row.violating)} documents outside, {decided}"
    return f"{outside}: look at those nearest to the bound"


def _sparkline(row: DistributionRow, source: str, spread: Spread | None) -> Sparkline | None:
    if spread is None or not spread.bars:
        return None
    notes: list[Line] = []
    if spread.violating is not None:
        share = numbers.share(spread.violating)
        notes.append(Span(share, "crossing" if spread.violating else "muted"))
    if spread.missing:
        notes.append(Span(f"{numbers.count(spread.missing)} without", "muted"))
    return Sparkline(
        row.columns,
        tuple(
            Bars(start, tuple(heights), _tone(spread, outside))
            for outside in (False, True)
            for start, heights in outside_or_inside(spread, outside)
        ),
        spread.lines,
        f"{source}: {numbers.count(spread.documents)} documents",
        tuple(notes),
    )


def _tone(spread: Spread, outside: bool) -> Literal["in", "out", "bare"]:
    if spread.violating is None:
        return "bare"
    return "out" if outside else "in"


def _borders(row: DistributionRow, limit: Limit, examples: pl.DataFrame) -> list[Sides]:
    """The documents on both sides of one bound, for each kind that it is asked of."""
    of_limit = examples.filter(
        pl.col("reason") == limit.reason,
        pl.col("side") == limit.side,
        pl.col("bound") == pl.lit(limit.value, pl.Float32),
    )
    by_kind: Mapping[tuple[object, ...], pl.DataFrame] = of_limit.partition_by(
        "kind", as_dict=True, maintain_order=True
    )
    return [
        Sides(
            (
                Span(spoken_limit(row, limit), "strong"),
                f" for {kind}, reason ",
                Span(limit.reason, "code"),
            ),
            "Just outside",
            _cards(row, rows.filter(~pl.col("within"))),
            "Just inside",
            _cards(row, rows.filter("within")),
        )
        for (kind,), rows in by_kind.items()
    ]


def _cards(row: DistributionRow, examples: pl.DataFrame) -> tuple[Card, ...]:
    return tuple(
        Card(
            (
                Span(spoken_value(row.table, row.attribute, each["value"]), "strong"),
                decision_tag(each["decision"]),
                each["source"],
                short_id(each["id"]),
            ),
            quote=excerpt(each["text"], EXCERPT),
        )
        for each in examples.sort("rank").iter_rows(named=True)
    )
