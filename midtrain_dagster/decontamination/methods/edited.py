"""Copies that were edited: short n-grams find them, the sequence or the set of words convicts.

Ours. It goes on from Qwen2.5-Math (`qwen_math`) where that stops, at copies with other numbers or
names, damaged or reordered ones, and items shorter than an n-gram:

- **The n-gram fits the text**: a third of its words, between ``shortest_ngram`` and ``ngram``. An
  item of 15 words with two damaged ones has no 8-gram left.
- **The shorter, the stricter**: the longest common subsequence must exceed ``lcs_ratio`` of a text
  of ``long`` words or more and ``short_lcs_ratio`` of one of ``SHORT`` words, and what lies between
  in between. Of an item that fills in a form, what is filled in must be found like the whole.
- **In any order**: what a seed leads to is also compared as a set of 3-grams, weighed by rarity
  (`ngram_sets`); ``order_free`` of it convicts. Not of texts that mostly fill in a form, whose few
  n-grams that are not shared say too little.
- **A question under ``SHORT`` words** must stand as a line of its own (`whole_lines`), and have
  ``line_words`` words at least.

- **An answer alone** needs ``ANSWER_WORDS`` words and longer n-grams: code repeats itself.

The price is time (more windows are candidates) and items that differ from each other by a name or
a number only: one is taken for the other. What it finds by kind, what it flags wrongly, and what it
does not find (paraphrase, translation, half an item) is measured in docs/decontamination.md.
"""

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from midtrain_dagster.decontamination.method import Found, Method, guilty_of, joined
from midtrain_dagster.decontamination.methods.qwen_math import Index, in_any_order

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from midtrain_dagster.decontamination.searched import Searched
    from midtrain_dagster.decontamination.words import Words

VERSION = 1

SHORT = 8
"""Words: the floor that GPT-3 (arXiv 2005.14165, appendix C) gave its n."""

ORDER_FREE_NGRAM = 3
"""Words of an n-gram of which the order does not count."""

PLAIN_SHARE = 0.5
"""Of a text's 3-grams, unweighed: where most are shared with other items, the few that are not
would say it all."""

ANSWER_WORDS = 13
"""Words from which an answer alone is searched. ``return ''.join(str(x) for x in`` is what every
library says, and HumanEval answers."""

ANSWER_NGRAM = 8
"""Words of it that must agree in a row."""

OWN_SHARE = 0.25
"""Of a text's words: one of which fewer are its own fills in a form."""


class Config(Method):
    """Short n-grams, then the sequence or the set of words: finds edited copies."""

    method: Literal["edited"] = "edited"
    ngram: int = Field(6, ge=2, description="words that must agree in a row, of a long text")
    shortest_ngram: int = Field(5, ge=2, description="words that must, of a short one")
    long: int = Field(30, ge=SHORT + 1, description="words from which a text is long")
    lcs_ratio: float = Field(
        0.6, ge=0, lt=1, description="the LCS must exceed this share of a long text's words"
    )
    short_lcs_ratio: float = Field(
        0.8, ge=0, lt=1, description="the same of a text of 8 words; between, it falls"
    )
    order_free: float = Field(
        0.6, gt=0, le=1, description="share of a text's 3-grams that convicts in any order"
    )
    line_words: int = Field(
        3, ge=2, le=SHORT, description="words from which a short question is searched as a line"
    )

    @model_validator(mode="after")
    def _shorter_is_not_longer(self) -> "Config":
        if self.shortest_ngram > self.ngram:
            raise ValueError(
                f"shortest_ngram ({self.shortest_ngram}) must not exceed ngram ({self.ngram})"
            )
        return self

    @property
    def lines_below(self) -> int:
        """As `Method` says."""
        return SHORT

    def searched(self, items: "pl.DataFrame") -> "Searched":
        """As `Method` says."""
        from midtrain_dagster.decontamination.searched import searched_by

        return searched_by(items, self.needed, shortest=SHORT)

    def needed(self, texts: "pl.DataFrame", lengths: "NDArray[np.int64]") -> "NDArray[np.int64]":
        """Words that must agree in a row, by text: all of a short question."""
        import numpy as np

        kind = texts["kind"]
        size = np.clip(lengths // 3, self.shortest_ngram, self.ngram)
        size = np.where((kind == "answer").to_numpy(), ANSWER_NGRAM, size)
        size = np.where(lengths < SHORT, lengths, size)
        floor = np.where((kind == "question").to_numpy(), self.line_words, SHORT)
        floor = np.where((kind == "answer").to_numpy(), ANSWER_WORDS, floor)
        return np.where(lengths >= floor, np.minimum(size, lengths), 0)

    def index(self, searched: "Searched") -> Index:
        """The windows that are evidence, and the sets of texts that are mostly their own."""
        import numpy as np

        from midtrain_dagster.decontamination.ngram_sets import ngram_sets
        from midtrain_dagster.decontamination.templates import TEMPLATE_ITEMS

        sets = ngram_sets(
            searched.words, ORDER_FREE_NGRAM, searched.item, common_from=TEMPLATE_ITEMS
        )
        lengths = np.diff(searched.words.first)
        text = np.repeat(np.arange(len(lengths)), lengths)
        own = np.bincount(text, weights=searched.own, minlength=len(lengths))
        fills_in = own < OWN_SHARE * lengths
        sets.total[fills_in] = np.inf
        return Index(searched.seeds(min(self.shortest_ngram, self.line_words)), sets)

    def find(self, documents: "Words", searched: "Searched", index: Index) -> Found:
        """As `Method` says: what is there in order, and of the rest what is there in any."""
        import numpy as np

        from midtrain_dagster.decontamination.ngram import find_occurrences

        found = find_occurrences(documents, searched.words, index.seeds)
        ratios = np.minimum(
            found.common / np.maximum(found.shorter, 1),
            found.common_own / np.maximum(found.shorter_own, 1),
        )
        lengths = np.diff(searched.words.first)[found.variant]
        is_short = lengths < SHORT
        convicts = np.where(is_short, ratios == 1, ratios > self.required(lengths))
        in_order = guilty_of(found, np.flatnonzero(convicts), score=ratios, common=found.common)
        rest = np.flatnonzero(~convicts & ~is_short)
        seeds = np.stack([found.document[rest], found.variant[rest], found.first_word[rest]])
        assert index.sets is not None
        loose = in_any_order(documents, index.sets, seeds, self.order_free)
        distinct = np.diff(index.sets.first)[loose.variant]
        plainly = loose.ngrams >= PLAIN_SHARE * distinct
        return joined(in_order, guilty_of(loose, plainly, score=loose.score, common=loose.common))

    def required(self, lengths: "NDArray[np.int64]") -> "NDArray[np.float64]":
        """The LCS ratio that texts of so many words must exceed."""
        import numpy as np

        share = np.clip((lengths - SHORT) / (self.long - SHORT), 0, 1)
        required: NDArray[np.float64] = (
            self.short_lcs_ratio + (self.lcs_ratio - self.short_lcs_ratio) * share
        )
        return required
