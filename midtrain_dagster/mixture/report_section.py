"""What the mixture room has to say in the report: the shares that were found in the graph."""

from collections.abc import Mapping

import polars as pl

from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    Cell,
    Column,
    PageSection,
    Span,
    Stack,
    Table,
)
from midtrain_dagster.display.words import spoken
from midtrain_dagster.mixture import report_found
from midtrain_dagster.mixture.reference import FoundMixture

VERSION = 1
USES = (report_found,)


def report_section(
    found: Mapping[str, FoundMixture],
    delivered: Mapping[str, Mapping[str, pl.DataFrame]] | None = None,
) -> PageSection:
    """A table of the mixtures by name: each domain's share, and the tokens that it came from; and
    what else there is of each (``report_found``).

    ``delivered`` are, by mixture, the tables ``mixture`` of the runs that were trained on it.
    """
    runs = delivered or {}
    tables = {name: mixture.artifact.read("weights") for name, mixture in found.items()}
    domains = pl.concat(table["domain"] for table in tables.values()).unique().sort()
    cells = {
        (name, row["domain"]): _share(row)
        for name, table in tables.items()
        for row in table.iter_rows(named=True)
    }
    rows = tuple(
        (
            Span(domain, "strong"),
            *(cells.get((name, domain), numbers.MISSING) for name in tables),
        )
        for domain in domains
    )
    heads = (Column(spoken(name), number=True) for name in tables)
    return PageSection(
        "mixtures",
        "Mixtures that were found",
        "Shares of a stage's tokens that the recipe did not know: each was made in the graph, from "
        "what it says it was made of.",
        (
            Table((Column("Domain"), *heads), rows),
            *(
                block
                for name, each in found.items()
                for block in report_found.blocks(name, each, runs.get(name, {}))
            ),
        ),
        short="Found mixtures",
    )


def _share(row: Mapping[str, float]) -> Cell:
    return Stack(
        (numbers.share(row["share"]), f"of {numbers.count(row['tokens'])} tokens to train on")
    )
