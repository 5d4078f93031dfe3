"""What the token shards have to say in the report: how many tokens there are of each domain."""

from typing import Any

import polars as pl

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import Cell, PageSection, Span, Table, Text, columns

VERSION = 2

BY_DOMAIN = pl.Schema(
    {
        "domain": pl.String,
        "documents": pl.Int64,
        "tokens": pl.Int64,
        "unique_tokens": pl.Int64,
        "held_out_documents": pl.Int64,
        "held_out_tokens": pl.Int64,
    }
)
"""Documents and tokens to train on, a repeated document counted each time, those tokens with each
document once, and what is held out."""


def report_section(shards: Artifact) -> PageSection:
    """A table of the domains."""
    found = tokens_by_domain(shards)
    whole = found.sum().with_columns(domain=pl.lit("in all"))
    rows = tuple(_row(row) for row in [*found.to_dicts(), *whole.to_dicts()])
    head = (
        *("Domain", "#Documents to train on", "#Tokens to train on", "#Unique tokens of these"),
        *("#Held-out documents", "#Held-out tokens"),
    )
    words = (
        f"The shards hold {numbers.count(shards.tokens)} tokens, those to train on and those held "
        "out; each document ends with one that says so. A document that sampling repeats is "
        "counted as often, and once among the unique tokens."
    )
    return PageSection(
        "tokens",
        "Tokens",
        "What was kept is cut into tokens once. A part of each domain is held out before anything "
        "is trained, and only read to measure losses.",
        (Table(columns(*head), rows), Text(words, note=True)),
    )


def _row(row: dict[str, Any]) -> tuple[Cell, ...]:
    counts = (numbers.count(row[name]) for name in BY_DOMAIN if name != "domain")
    return Span(row["domain"], "strong"), *counts


def tokens_by_domain(shards: Artifact) -> pl.DataFrame:
    """What the token shards hold of each domain (``BY_DOMAIN``), by name."""

    def counted(split: str, prefix: str = "") -> pl.LazyFrame:
        by_domain = shards.scan(f"{split}_index").group_by("domain")
        return by_domain.agg(
            pl.len().alias(f"{prefix}documents"),
            pl.col("length").sum().alias(f"{prefix}tokens"),
            # The second copy of a document is called ID#2 (``splits``).
            pl.col("length")
            .filter(~pl.col("id").str.contains("#", literal=True))
            .sum()
            .alias(f"{prefix}unique_tokens"),
        )

    return (
        counted("train")
        .join(counted("held_out", "held_out_"), on="domain", how="full", coalesce=True)
        .sort("domain")
        .with_columns(pl.exclude("domain").fill_null(0))
        .select(pl.col(name).cast(dtype) for name, dtype in BY_DOMAIN.items())
        .collect()
    )
