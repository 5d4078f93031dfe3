"""What there was to train on, by source and by language: of the token shards and the documents.

Shares are those of the pool, after curation, decontamination and holding out. What a stage was fed
goes by its mixture, which weighs domains: there a source's share is its own in its domain.
"""

from collections.abc import Sequence

import polars as pl

from midtrain_dagster.core.artifacts import Artifact

BY_SOURCE = pl.Schema(
    {
        "source": pl.String,
        "domain": pl.String,
        "documents": pl.Int64,
        "tokens": pl.Int64,
        "share": pl.Float64,
    }
)
"""Of each source and domain what the pool holds, and its share of the pool's tokens."""

LANGUAGES = pl.Schema({"language": pl.String, "tokens": pl.Int64, "share": pl.Float64})
"""Of prose, the tokens by language as it was identified; null: of no document it was looked at."""

PROSE = ("prose", "qa", "instruction")
"""Kinds of documents in a language; of code and formulas an identifier says anything."""


def by_source(shards: Artifact, documents: Sequence[Artifact]) -> pl.DataFrame:
    """The pool by source (``BY_SOURCE``), most tokens first; ``documents`` are all that were
    collected and written."""
    known = _of_documents(documents, "documents", "source")
    found = _pool(shards).join(known, on="id", how="left")
    return (
        found.group_by("source", "domain")
        .agg(pl.len().alias("documents"), pl.col("length").sum().alias("tokens"))
        .with_columns(share=pl.col("tokens") / pl.col("tokens").sum())
        .sort("tokens", "source", "domain", descending=[True, False, False])
        .collect()
        .select(BY_SOURCE.names())
        .cast(BY_SOURCE)
    )


def by_language(
    shards: Artifact, documents: Sequence[Artifact], identified: Sequence[Artifact]
) -> pl.DataFrame:
    """The pool's prose by language (``LANGUAGES``), most tokens first; ``identified`` are the
    artifacts that say each document's, which a recipe may not have."""
    kinds = _of_documents(documents, "documents", "kind")
    prose = _pool(shards).join(kinds, on="id").filter(pl.col("kind").is_in(PROSE))
    told = prose.join(_of_documents(identified, "language", "language"), on="id", how="left")
    return (
        told.group_by("language")
        .agg(pl.col("length").sum().alias("tokens"))
        .with_columns(share=pl.col("tokens") / pl.col("tokens").sum())
        .sort("tokens", "language", descending=[True, False])
        .collect()
        .select(LANGUAGES.names())
        .cast(LANGUAGES)
    )


def _pool(shards: Artifact) -> pl.LazyFrame:
    """The documents that are trained on; a second copy of one is called ID#2."""
    index = shards.scan("train_index").select("id", "domain", pl.col("length").cast(pl.Int64))
    return index.with_columns(pl.col("id").str.split("#").list.first())


def _of_documents(artifacts: Sequence[Artifact], table: str, column: str) -> pl.LazyFrame:
    empty = pl.LazyFrame(schema={"id": pl.String, column: pl.String})
    found = [each.scan(table).select("id", column).unique("id") for each in artifacts]
    return pl.concat([empty, *found])
