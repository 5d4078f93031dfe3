"""Marin: paragraphs, of which half of the 13-grams are a benchmark's; short ones as wholes.

Marin's ``decon.py`` (version 3, July 2026) reads documents and items paragraph by paragraph. One of
13 words or more is contaminated where at least half of its 13-grams are an item's; one of 3 to 12
words where it is an item's paragraph, word for word. Marin leaves out n-grams without a letter,
which we do not.
It drops n-grams that many documents of a sample of the corpus have; here what three items share is
dropped, from numerator and denominator alike (`templates`).

The share is of the **document's** paragraph, so an item amid a longer one is not found: that is
Marin's recall of .37 on "embedded", and its precision of 1.000. It asks whether the n-grams are the
benchmark's, of any item; here, of one.
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
    """Paragraphs whose 13-grams are half a benchmark's, as in Marin."""

    method: Literal["marin"] = "marin"
    ngram: int = Field(13, ge=2, description="words of an n-gram")
    shortest: int = Field(3, ge=2, description="words of the shortest paragraph that is compared")
    overlap: float = Field(
        0.5, gt=0, le=1, description="share of a paragraph's n-grams that convicts it"
    )

    @property
    def by_paragraph(self) -> bool:
        """As `Method` says."""
        return True

    def searched(self, items: "pl.DataFrame") -> "Searched":
        """As `Method` says: the items' paragraphs."""
        from midtrain_dagster.decontamination.searched import searched_paragraphs

        return searched_paragraphs(items, ngram=self.ngram, shortest=self.shortest)

    def index(self, searched: "Searched") -> "Seeds":
        """The windows that are evidence."""
        return searched.seeds(self.shortest)

    def find(self, documents: "Words", searched: "Searched", index: "Seeds") -> Found:
        """Paragraphs (the ``documents``) that are an item's."""
        import numpy as np

        from midtrain_dagster.decontamination.coverage import as_found, covered
        from midtrain_dagster.decontamination.ngram import match_ngrams

        found, _ = covered(searched.words, match_ngrams(documents, searched.words, index))
        length = np.diff(documents.first)[found.document]
        wanted = np.diff(searched.words.first)[found.variant]
        share = found.places / np.maximum(1, length - self.ngram + 1)
        whole = (length == wanted) & (found.words == wanted)
        is_short = np.minimum(length, wanted) < self.ngram
        score = np.where(is_short, whole.astype(np.float64), share)
        return as_found(found, score, score >= self.overlap)
