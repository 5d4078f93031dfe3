"""What collection has to say in the report: what each source gave, and what it did not."""

from typing import Any

import polars as pl

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    Cell,
    Gate,
    KeyNumber,
    PageSection,
    Span,
    Table,
    columns,
)

VERSION = 1

REASONS = 3
"""Reasons for rejections that are named of a source."""


def report_section(documents: Artifact) -> PageSection:
    """A table of the sources."""
    sources = _sources(documents)
    rows = tuple(_row(row) for row in sources.iter_rows(named=True))
    collected = int(sources["documents"].sum())
    return PageSection(
        "sources",
        "Sources",
        "Every document keeps its source, its place there and what is known of its licence. What a "
        "reader could not take is recorded with its reason, and counted here.",
        (
            Table(
                columns("Source", "Domain", "Kind", "#Documents", "#Not taken", "Why"),
                rows,
            ),
        ),
        numbers=(KeyNumber(numbers.count(collected), "documents collected"),),
        gates=(
            Gate("no_source_is_empty", f"each of the {len(rows)} sources gave a document or more"),
        ),
    )


def _sources(documents: Artifact) -> pl.DataFrame:
    """A row a source: its domains and kinds, its documents, and the reasons of its rejections,
    the most frequent first."""
    collected = (
        documents.scan("documents")
        .group_by("source")
        .agg(
            pl.col("domain", "kind").unique().sort(),
            documents=pl.len(),
        )
    )
    reasons = (
        documents.scan("rejections")
        .group_by("source", "reason")
        .len()
        .sort("len", "reason", descending=[True, False])
        .group_by("source", maintain_order=True)
        .agg(rejected=pl.col("len").sum(), reasons=pl.format("{} {}", "reason", "len"))
    )
    return collected.join(reasons, on="source", how="left").sort("source").collect()


def _row(row: dict[str, Any]) -> tuple[Cell, ...]:
    reasons = row["reasons"] or []
    more = [f"and {len(reasons) - REASONS} more"] if len(reasons) > REASONS else []
    return (
        Span(row["source"], "strong"),
        ", ".join(row["domain"]),
        ", ".join(row["kind"]),
        numbers.count(row["documents"]),
        numbers.count(row["rejected"] or 0),
        ", ".join([*reasons[:REASONS], *more]),
    )
