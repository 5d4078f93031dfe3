"""Tülu 3: a document that covers half of an item's words with its 8-grams.

Tülu 3 (arXiv 2411.15124, section 3.2) counts the tokens of a test item that lie in 8-grams of
**one** training instance, and calls them overlapping where those are more than half. It drops a
data set that overlaps with more than 2% of an evaluation's items; here documents are dropped one by
one, and the report says how many items were found. Words stand for its tokens.

Coverage has no order and no place: reversed sentences are found, and so is an item whose parts
stand all over a long document.
"""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from midtrain_dagster.decontamination.method import Found, Method

if TYPE_CHECKING:
    import polars as pl

    from midtrain_dagster.decontamination.ngram import Seeds
    from midtrain_dagster.decontamination.searched import Searched
    from midtrain_dagster.decontamination.words import Words

VERSION = 1


class Config(Method):
    """The share of an item's words that lie in 8-grams of one document, as in Tülu 3."""

    method: Literal["tulu3"] = "tulu3"
    ngram: int = Field(8, ge=2, description="words that must agree in a row")
    coverage: float = Field(
        0.5, ge=0, le=1, description="share of an item's words from which a document is dropped"
    )

    @property
    def by_windows(self) -> bool:
        """As `Method` says: its seeds are those windows."""
        return True

    def searched(self, items: "pl.DataFrame") -> "Searched":
        """As `Method` says: texts of an n-gram or more."""
        from midtrain_dagster.decontamination.searched import searched

        return searched(items, ngram=self.ngram, shortest=self.ngram, forms=False)

    def index(self, searched: "Searched") -> "Seeds":
        """The windows that are evidence."""
        return searched.seeds(self.ngram)

    def find(self, documents: "Words", searched: "Searched", index: "Seeds") -> Found:
        """Documents that cover enough of a text."""
        import numpy as np

        from midtrain_dagster.decontamination.coverage import as_found, covered
        from midtrain_dagster.decontamination.ngram import match_ngrams

        found, _ = covered(searched.words, match_ngrams(documents, searched.words, index))
        share = found.words / np.diff(searched.words.first)[found.variant]
        return as_found(found, share, share >= self.coverage)
