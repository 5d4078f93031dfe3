"""Marin: paragraphs, of which half of the 13-grams are a benchmark's; short ones as wholes.

Marin's ``decon.py`` (version 3, July 2026) reads documents and items paragraph by paragraph. One of
13 words or more is contaminated where at least half of its 13-grams are an item's; one of 3 to 12
words where it is an item's paragraph, word for word. Marin leaves out n-grams without a letter,
which we do not.
It drops n-grams that half a percent of a sample of the corpus has, and five documents at least,
from numerator and denominator alike; so does this, of all documents (`common_ngrams`). What three
items share (`templates`) is dropped here too, from the numerator.

The share is of the **document's** paragraph, so an item amid a longer one is not found: that is
Marin's recall of .37 on "embedded", and its precision of 1.000. It asks whether the n-grams are the
benchmark's, of any item; here, of one.
"""

from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import Field

from midtrain_dagster.core.causes import CAUSE_IF_SET
from midtrain_dagster.decontamination.method import Found, Method
from midtrain_dagster.decontamination.options import CommonNgrams

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from midtrain_dagster.decontamination.ngram import Seeds
    from midtrain_dagster.decontamination.searched import Searched
    from midtrain_dagster.decontamination.words import Words

VERSION = 2


class Index(NamedTuple):
    """What of the items' paragraphs is looked up."""

    seeds: "Seeds"
    common: "Seeds | None"
    """The n-grams that count for nothing, where there are any."""


class Config(Method):
    """Paragraphs whose 13-grams are half a benchmark's, as in Marin."""

    method: Literal["marin"] = "marin"
    ngram: int = Field(13, ge=2, description="words of an n-gram")
    shortest: int = Field(3, ge=2, description="words of the shortest paragraph that is compared")
    overlap: float = Field(
        0.5, gt=0, le=1, description="share of a paragraph's n-grams that convicts it"
    )
    common_ngrams: Annotated[CommonNgrams | None, CAUSE_IF_SET] = Field(
        CommonNgrams(documents=5, share=0.005),
        description="from when an item's n-gram is common in the corpus and counts for nothing; "
        "null: none is",
    )

    @property
    def by_paragraph(self) -> bool:
        """As `Method` says."""
        return True

    def searched(self, items: "pl.DataFrame") -> "Searched":
        """As `Method` says: the items' paragraphs."""
        from midtrain_dagster.decontamination.searched import searched_paragraphs

        return searched_paragraphs(items, ngram=self.ngram, shortest=self.shortest)

    def index(self, searched: "Searched") -> Index:
        """The windows that are evidence, and the n-grams that many documents hold."""
        common = searched.common_seeds(self.ngram)
        return Index(searched.seeds(self.shortest), common)

    def find(self, documents: "Words", searched: "Searched", index: Index) -> Found:
        """Paragraphs (the ``documents``) that are an item's."""
        import numpy as np

        from midtrain_dagster.decontamination.coverage import as_found, covered
        from midtrain_dagster.decontamination.ngram import match_ngrams

        found, _ = covered(searched.words, match_ngrams(documents, searched.words, index.seeds))
        length = np.diff(documents.first)[found.document]
        wanted = np.diff(searched.words.first)[found.variant]
        counting = length - self.ngram + 1
        if index.common is not None:
            counting -= _places(documents, searched, index.common)[found.document]
        share = found.places / np.maximum(1, counting)
        whole = (length == wanted) & (found.words == wanted)
        is_short = np.minimum(length, wanted) < self.ngram
        score = np.where(is_short, whole.astype(np.float64), share)
        return as_found(found, score, score >= self.overlap)


def _places(documents: "Words", searched: "Searched", common: "Seeds") -> "NDArray[np.int64]":
    """At how many words of each document a common n-gram begins."""
    import numpy as np

    from midtrain_dagster.decontamination.ngram import match_ngrams

    document, _, place, _, _ = match_ngrams(documents, searched.words, common)
    at = np.unique(np.stack([document, place]), axis=1)[0]
    return np.bincount(at, minlength=len(documents.first) - 1)
