"""What the report says of matches that count for nothing: n-grams that many documents hold, and
passages that a second look found unlike the item."""

from collections.abc import Mapping

import polars as pl

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import OFFENSIVE, Block, Folded, Table, columns, short_id
from midtrain_dagster.display.words import excerpt

SHOWN = 10
"""Of a benchmark, the n-grams of most documents, and the passages with the highest scores."""

SPOKEN = {
    "common_ngrams": "it rests on n-grams that many documents hold",
    "dissimilar": "the second look finds it unlike the item",
}


def blocks(scans: Mapping[str, Artifact]) -> list[Block]:
    """The lists of each benchmark that has any, by the scans (``contamination``) of all."""
    made: list[Block] = []
    for name, scan in scans.items():
        if scan.rows("common_ngrams"):
            made.append(_common(name, scan.read("common_ngrams")))
        if scan.rows("spared"):
            made.append(_spared(name, scan.read("spared")))
    return made


def _common(name: str, found: pl.DataFrame) -> Folded:
    shown = found.head(SHOWN).select("documents", "items", "text").iter_rows()
    rows = tuple(
        (numbers.count(documents), numbers.count(items), excerpt(text))
        for documents, items, text in shown
    )
    words = f"{numbers.count(found.height)} n-grams of {name} that many documents hold, no evidence"
    return Folded(words, (Table(columns("#Documents", "#Items", "N-gram"), rows),))


def _spared(name: str, found: pl.DataFrame) -> Folded:
    best = found.sort("lcs_ratio", "id", "item", descending=[True, False, False]).head(SHOWN)
    rows = tuple(
        (
            hit["item"],
            short_id(hit["id"]),
            numbers.share(hit["lcs_ratio"]),
            SPOKEN[hit["reason"]]
            + (f" ({hit['similarity']:.2f})" if hit["similarity"] is not None else ""),
            excerpt(hit["text"]),
        )
        for hit in best.iter_rows(named=True)
    )
    head = ("Item", "Document", "#Score", "Why it stays", "Passage")
    words = f"{numbers.count(found.height)} matches with {name} that count for nothing"
    return Folded(words, (Table(columns(*head), rows),), OFFENSIVE)
