"""Precision, recall and F1 by kind, of pairs (document, item) that a tool accuses.

Recall is over **all** planted documents of a kind, also of items that a method cannot search; how
many those are stands beside it. A document counts as found if it is accused of its own item.
Precision of a kind is over its planted documents and all hard negatives of the set, so it is
comparable between kinds and tools, and harsher than any page of the web.
"""

from typing import NamedTuple

import polars as pl

from benchmarks.contamination.planting import KINDS

FIGURES = pl.Schema(
    {
        "kind": pl.String,
        "planted": pl.Int64,
        "untestable": pl.Int64,
        "recall": pl.Float64,
        "precision": pl.Float64,
        "f1": pl.Float64,
    }
)


class Judged(NamedTuple):
    """What a tool did on the labelled set."""

    kinds: pl.DataFrame
    """``FIGURES``, in the order of ``KINDS``"""
    negatives: pl.DataFrame
    """kind, documents, flagged"""
    other_items: int
    """Pairs in which a planted document is accused of another item."""


def judged(
    documents: pl.DataFrame, accused: pl.DataFrame, testable: pl.DataFrame | None = None
) -> Judged:
    """``documents`` are ``planting.DOCUMENTS``, ``accused`` has id, benchmark, item; ``testable``
    benchmark, item, kind: what texts can be searched (None: not known of a tool)."""
    pairs = accused.select("id", "benchmark", "item").unique()
    flags = documents.with_columns(flagged=pl.col("id").is_in(pairs["id"].implode())).join(
        pairs.with_columns(right=True), on=["id", "benchmark", "item"], how="left"
    )
    hard = flags.filter(pl.col("item").is_null())
    negatives = hard.group_by("kind", maintain_order=True).agg(
        documents=pl.len(), flagged=pl.col("flagged").sum()
    )
    false = int(hard["flagged"].sum())
    planted = flags.filter(pl.col("item").is_not_null())
    rows = []
    for kind, way in KINDS.items():
        mine = planted.filter(kind=kind)
        if mine.is_empty():
            continue
        found = int(mine["right"].is_not_null().sum())
        known = 0
        if testable is not None:
            by_way = testable.filter(pl.col("kind").is_in(way.found_by))
            known = mine.join(by_way, on=["benchmark", "item"], how="anti").height
        recall, precision = found / mine.height, found / max(1, found + false)
        f1 = 2 * recall * precision / max(1e-9, recall + precision)
        rows.append((kind, mine.height, known, recall, precision, f1))
    others = pairs.join(planted, on="id", suffix="_planted").filter(
        (pl.col("item") != pl.col("item_planted"))
        & (pl.col("benchmark") == pl.col("benchmark_planted"))
    )
    return Judged(pl.DataFrame(rows, schema=FIGURES, orient="row"), negatives, others.height)
