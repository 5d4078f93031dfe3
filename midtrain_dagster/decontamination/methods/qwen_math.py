"""The hybrid of n-gram match and LCS ratio of Qwen2.5-Math.

Qwen2.5-Math (arXiv 2409.12122, section 2.3) calls a sample contaminated when a normalised 13-gram
of a test item occurs in it **and** the ratio of their longest common subsequence exceeds 0.6: the
n-gram makes it fast, the ratio spares stock phrases ("let x be a real number such that"). The
paper does not print the ratio's denominator; the Qwen2.5 report (arXiv 2412.15115) requires
|LCS| >= 0.6 min(|training|, |test|), so here it is **the words of the shorter of item and
document**. A document is far longer than an item, so the LCS is taken in a window of two item
lengths around the match (see ``ngram``).

A text with fewer than ``ngram`` words must occur whole, and have at least ``shortest`` words: 8,
the floor that GPT-3 (arXiv 2005.14165, appendix C) gave its n. Shorter ones would accuse every page
that asks an everyday question (`searched` says which items are untestable). The LCS ratio holds for
the words of the item's own as for all (`templates`).

**A second look**, ours, in any order: a common subsequence does not see an item whose sentences
stand in another order. With ``order_free``, what a match leads to is also compared as a set: it
grows over gaps (`ngram_sets`), and convicts where it holds this share of the text's n-grams of
``order_free_ngram`` words, weighed by rarity, of which those that three items share weigh nothing.

What this does not find: paraphrase, translation, and copies edited more often than every
``ngram`` words. It was the only method once, so its version is that of `scan`.
"""

from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from midtrain_dagster.core.causes import CAUSE_IF_SET, CauseAs
from midtrain_dagster.decontamination.method import Found, Method, guilty_of, joined

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from midtrain_dagster.decontamination.ngram import Seeds
    from midtrain_dagster.decontamination.ngram_sets import NgramSets
    from midtrain_dagster.decontamination.searched import Searched
    from midtrain_dagster.decontamination.words import Words

MISSES = 11
"""Words in a row without an n-gram of the text that end what is compared in any order: decon's."""


class Index(NamedTuple):
    """What of the texts is looked up."""

    seeds: "Seeds"
    sets: "NgramSets | None"
    """What the second look compares, if there is one."""


class Config(Method):
    """n-gram match and LCS ratio, as in Qwen2.5-Math."""

    method: Annotated[Literal["qwen_math"], CauseAs({"qwen_math": "hybrid"})] = "qwen_math"
    ngram: int = Field(default=13, ge=2, description="words that must agree in a row")
    lcs_ratio: float = Field(
        default=0.6,
        ge=0,
        lt=1,
        description="the LCS must exceed this share of the shorter text's words",
    )
    shortest: int = Field(
        default=8,
        ge=2,
        description="words from which an item shorter than an n-gram is tested whole",
    )

    order_free: Annotated[float | None, CAUSE_IF_SET] = Field(
        default=None,
        gt=0,
        le=1,
        description="share of a text's n-grams that convicts in any order; null: none does",
    )
    order_free_ngram: Annotated[int, CAUSE_IF_SET] = Field(
        default=3, ge=1, description="words of an n-gram of which the order does not count"
    )

    @model_validator(mode="after")
    def _shortest_within_ngram(self) -> "Config":
        if self.shortest > self.ngram:
            raise ValueError(f"shortest ({self.shortest}) must not exceed ngram ({self.ngram})")
        return self

    @property
    def by_windows(self) -> bool:
        """As `Method` says: its seeds are those windows."""
        return True

    def searched(self, items: "pl.DataFrame") -> "Searched":
        """As `Method` says."""
        from midtrain_dagster.decontamination.searched import searched

        return searched(items, ngram=self.ngram, shortest=self.shortest)

    def index(self, searched: "Searched") -> "Index":
        """The windows that are evidence, and the sets of the second look."""
        from midtrain_dagster.decontamination.ngram_sets import ngram_sets
        from midtrain_dagster.decontamination.templates import TEMPLATE_ITEMS

        sets = None
        if self.order_free is not None:
            sets = ngram_sets(
                searched.words, self.order_free_ngram, searched.item, common_from=TEMPLATE_ITEMS
            )
        return Index(searched.seeds(self.shortest), sets)

    def find(self, documents: "Words", searched: "Searched", index: "Index") -> Found:
        """Occurrences whose LCS ratio exceeds the threshold, for all words and for own ones; with
        ``order_free`` also those that hold enough of the text in another order."""
        import numpy as np

        from midtrain_dagster.decontamination.ngram import find_occurrences

        found = find_occurrences(documents, searched.words, index.seeds)
        ratios = np.minimum(
            found.common / np.maximum(found.shorter, 1),
            found.common_own / np.maximum(found.shorter_own, 1),
        )
        guilty = np.flatnonzero(ratios > self.lcs_ratio)
        in_order = guilty_of(found, guilty, score=ratios, common=found.common)
        if index.sets is None or self.order_free is None:
            return in_order
        rest = np.flatnonzero(ratios <= self.lcs_ratio)
        seeds = np.stack([found.document[rest], found.variant[rest], found.first_word[rest]])
        return joined(in_order, in_any_order(documents, index.sets, seeds, self.order_free))

    def versions(self) -> dict[str, int]:
        """None beside that of `scan`, by which what was found before is known."""
        return {}


def in_any_order(
    documents: "Words", sets: "NgramSets", seeds: "NDArray[np.int64]", share: float
) -> Found:
    """What grows from ``seeds`` (rows document, variant, word) and holds ``share`` of a text's
    n-grams, by weight, in whatever order."""
    import numpy as np

    from midtrain_dagster.decontamination.ngram_sets import grown, rolled

    hashes = rolled(documents, sets.size) if seeds.size else np.zeros(0, np.uint64)
    order = np.lexsort((seeds[2], seeds[1], seeds[0]))
    passages = grown(documents, hashes, sets, seeds[:, order], MISSES)
    guilty = np.flatnonzero(passages.overlap >= share)
    return guilty_of(passages, guilty, score=passages.overlap, common=passages.ngrams)
