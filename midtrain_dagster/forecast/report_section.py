"""What the look before the first step has to say in the report."""

import polars as pl

from midtrain_dagster.display.blocks import (
    Block,
    Gate,
    Notice,
    PageSection,
    Span,
    Table,
    Text,
    columns,
)

VERSION = 1

LEAD = (
    "Before the first step was trained, every stage, measure and benchmark was held against the "
    "token shards, the tokenizer and the base. What cannot go well stops a run; what is doubtful "
    "is told."
)


def preflight_section(findings: pl.DataFrame, unknown: pl.DataFrame) -> PageSection:
    """Doubts (``findings.FINDINGS``) and what no look could tell (``findings.UNKNOWN``)."""
    doubts = findings.filter(~pl.col("stops"))
    blocks: list[Block] = [
        _table(doubts, "Doubtful") if doubts.height else Notice("Nothing was doubtful.")
    ]
    if unknown.height:
        blocks += [Text("What could not be known before:", note=True), _table(unknown, "Not known")]
    told = "nothing stops a run" + (f", {doubts.height:,} doubtful" if doubts.height else "")
    return PageSection(
        "preflight", "Before training", LEAD, tuple(blocks), gates=(Gate("preflight", told),)
    )


def _table(rows: pl.DataFrame, title: str) -> Table:
    cells = (
        (Span(".".join(place), "strong"), reason)
        for place, reason in rows.select("place", "reason").iter_rows()
    )
    return Table(columns("Field", title), tuple(cells))
