"""What the report says of a proposal beside its figures: what it keeps to, who was left out, and
what the stages that train on it were given."""

from collections.abc import Iterator, Mapping

import polars as pl

from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import Block, Cell, Column, Span, Table, Text
from midtrain_dagster.display.words import spoken
from midtrain_dagster.mixture.reference import FoundMixture

VERSION = 1

NAMED = 10
"""Proxies that are named, of those that were left out; the others are counted."""

_WAYS = {
    "exact": "No mixture within the constraints is better by the law: it is convex, and this its "
    "least value.",
    "descent": "Found by descents from several starts; nothing proves that it is the best.",
    "simulation": "An average of the best of many simulated mixtures; nothing proves that it is "
    "the best.",
}


def blocks(found: FoundMixture, delivered: Mapping[str, pl.DataFrame]) -> Iterator[Block]:
    """The domains' table, how the proposal was found, and what was left out.

    ``delivered`` are the tables ``mixture`` of the runs that were trained on it, by run.
    """
    proposal = found.artifact.read("proposal")
    yield domains_table(proposal, delivered)
    (way,) = found.artifact.read("solution")["way"]
    yield Text(_WAYS[way], note=True)
    errors = found.artifact.read("held_out_error")
    astray = int(errors["not_converged"].sum())
    if astray:
        yield Text(f"{numbers.counted(astray, 'fit')} of the law did not converge.")
    yield from _left_out(found.artifact.read("left_out"))


def domains_table(proposal: pl.DataFrame, delivered: Mapping[str, pl.DataFrame]) -> Table:
    """Each domain's prior, what bounds it, what is proposed, and what runs were given of it."""
    given = {
        (run, domain): share
        for run, table in delivered.items()
        for domain, share in table.select("domain", "delivered").iter_rows()
    }
    rows = tuple(
        (
            Span(row["domain"], "strong"),
            numbers.share(row["prior"]),
            _bounds(row),
            numbers.share(row["share"]),
            *(numbers.share(given.get((run, row["domain"]))) for run in delivered),
        )
        for row in proposal.iter_rows(named=True)
    )
    heads = (
        Column("Domain"),
        Column("Prior", number=True),
        Column("Allowed"),
        Column("Proposed", number=True),
        *(Column(f"Given to {spoken(run)}", number=True) for run in delivered),
    )
    return Table(heads, rows)


def _bounds(row: Mapping[str, float]) -> Cell:
    """From the floor to what is lower of ceiling and cap, and which of them that is."""
    most = min(row["ceiling"], row["cap"], 1.0)
    text = f"{numbers.share(row['floor'])} to {numbers.share(most)}"
    because = " by its tokens" if row["cap"] < min(row["ceiling"], 1.0) else ""
    return f"{text}{because}{', frozen' if row['frozen'] else ''}"


def _left_out(left_out: pl.DataFrame) -> Iterator[Block]:
    if left_out.is_empty():
        return
    reasons = "; ".join(
        f"{row['proxy']} ({row['target'] + ': ' if row['target'] else ''}{row['reason']})"
        for row in left_out.head(NAMED).iter_rows(named=True)
    )
    more = left_out.height - NAMED
    rest = f"; and {more} more" if more > 0 else ""
    yield Text(f"Proxies that were left out, by number: {reasons}{rest}.")
