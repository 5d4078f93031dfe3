"""phi-4: any shared 13-gram, or else enough shared 7-grams.

phi-4 (arXiv 2412.08905, appendix B) calls a document contaminated by any 13-gram of an item that is
not common, else by the share of 7-grams in common, of the shorter of both, held against thresholds
that it does not publish. **Both thresholds are ours**, and named so. What is common is here what
three items share (`templates`); phi-4 has a list of the corpus's.
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

LONG = 13
SHORT = 7


class Config(Method):
    """A 13-gram, or enough 7-grams in common, as in phi-4; thresholds of our own."""

    method: Literal["phi4"] = "phi4"
    our_item_threshold: float = Field(
        0.5,
        gt=0,
        le=1,
        description="share of an item's 7-grams that convicts a document that is longer; ours",
    )
    our_document_threshold: float = Field(
        0.8,
        gt=0,
        le=1,
        description="share of a document's 7-grams that convicts where the item is longer; ours",
    )

    def searched(self, items: "pl.DataFrame") -> "Searched":
        """As `Method` says: texts of seven words or more."""
        from midtrain_dagster.decontamination.searched import searched

        return searched(items, ngram=SHORT, shortest=SHORT, forms=False)

    def index(self, searched: "Searched") -> "Seeds":
        """The windows that are evidence."""
        return searched.seeds(SHORT)

    def find(self, documents: "Words", searched: "Searched", index: "Seeds") -> Found:
        """Documents with a long run of an item's words, or many short ones."""
        import numpy as np

        from midtrain_dagster.decontamination.coverage import as_found, covered, longest_runs
        from midtrain_dagster.decontamination.ngram import match_ngrams

        matches = match_ngrams(documents, searched.words, index)
        found, _ = covered(searched.words, matches)
        item = np.diff(searched.words.first)[found.variant] - SHORT + 1
        document = np.diff(documents.first)[found.document] - SHORT + 1
        of_item = found.ngrams / np.maximum(1, item)
        of_document = found.places / np.maximum(1, document)
        is_longer = document >= item
        share = np.where(is_longer, of_item, of_document)
        needed = np.where(is_longer, self.our_item_threshold, self.our_document_threshold)
        run = longest_runs(matches, found)
        return as_found(found, share, (share >= needed) | (run >= LONG))
