"""The share of each method and family in each stage, and of all that models wrote together."""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import Block, Cell, Column, Heading, Span, Stack, Table, Text
from midtrain_dagster.display.words import spoken

VERSION = 1

WRITTEN = "all that models wrote"
ASSEMBLED = "put together of natural text"


def shares_blocks(
    families: Mapping[str, str | None], shares: pl.DataFrame | None, natural_floor: float
) -> tuple[Block, ...]:
    """A table with a row a family and method, and a column a stage; nothing where no stage reads
    any of it.

    ``families`` are those of the methods, None where no model writes; ``shares`` has ``run``,
    ``group`` (the method), ``planned`` and ``delivered``.
    """
    if shares is None or not shares["planned"].sum():
        return ()
    fed = shares.group_by("run", maintain_order=True).agg(pl.col("planned").sum())
    runs = fed.filter(pl.col("planned") > 0)["run"].to_list()
    rows = tuple(
        (name, *(_cell(shares, run, methods) for run in runs)) for name, methods in _rows(families)
    )
    note = (
        "Shares of a stage's tokens without padding: delivered, and planned below. What is planned "
        "for a method is its part of its domain's share. All that models wrote may have "
        f"{numbers.share(1 - natural_floor)} (",
        Span("checks.natural_floor", "code"),
        "), of whatever families it is; what is put together of natural text is natural.",
    )
    heads = (Column(f"In {spoken(run)}", number=True) for run in runs)
    return (
        Heading("Shares of the stages"),
        Table((Column("Family and method"), *heads), rows),
        Text(note, note=True),
    )


def _rows(families: Mapping[str, str | None]) -> Iterator[tuple[Cell, Sequence[str]]]:
    """What each row is called, and the methods that it sums up."""
    for family in dict.fromkeys(families.values()):
        methods = [name for name, of in families.items() if of == family]
        yield Span(family or ASSEMBLED, "strong"), methods
        for name in methods:
            yield Span(spoken(name), "muted"), [name]
    written = [name for name, of in families.items() if of is not None]
    if written:
        yield Span(WRITTEN, "strong"), written


def _cell(shares: pl.DataFrame, run: str, methods: Sequence[str]) -> Cell:
    rows = shares.filter(pl.col("run") == run, pl.col("group").is_in(methods))
    planned, delivered = float(rows["planned"].sum()), float(rows["delivered"].sum())
    if not planned and not delivered:
        return numbers.MISSING
    return Stack((numbers.share(delivered), f"planned {numbers.share(planned)}"))
