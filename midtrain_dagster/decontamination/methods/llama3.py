"""Llama 3: benchmark items are scored, no text is removed.

Llama 3 (arXiv 2407.21783, section 5.1.4) calls an evaluation example contaminated where a share T_D
of its tokens lies in 8-grams that occur **anywhere in the training corpus**. T_D is chosen for each
data set D, so that the clean part differs most: ``share`` here, ``shares`` by benchmark. Words
stand for its tokens.

The corpus is scanned part by part: `covered_words` lists what each part covers, and `item_scores`
unites them. Hits are the documents that cover the share by themselves.
"""

from typing import TYPE_CHECKING, Annotated, Literal

import polars as pl
from pydantic import Field

from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.decontamination.method import Found, Method, Scoring
from midtrain_dagster.decontamination.options import Action

if TYPE_CHECKING:
    from midtrain_dagster.decontamination.ngram import Seeds
    from midtrain_dagster.decontamination.searched import Searched
    from midtrain_dagster.decontamination.words import Words

VERSION = 1

COVERED = pl.Schema(
    {
        "benchmark": pl.String(),
        "item": pl.String(),
        "kind": pl.String(),
        "text": pl.UInt32(),
        "words": pl.UInt32(),
        "first": pl.UInt32(),
        "last": pl.UInt32(),
    }
)
"""A run of a text's words that documents cover, ``first`` to ``last`` (inclusive); ``text`` counts
those of all items, ``words`` are the text's."""

ITEM_SCORES = pl.Schema(
    {
        "benchmark": pl.String(),
        "item": pl.String(),
        "covered": pl.Float64(),
        "contaminated": pl.Boolean(),
    }
)
"""Of each item that anything covers the largest share of one of its texts."""


class Config(Method):
    """The share of an item's words in 8-grams of the corpus, as in Llama 3: scores items."""

    method: Literal["llama3"] = "llama3"
    action: Annotated[Action, NOT_A_CAUSE] = Field(
        "flag_item", description="what becomes of a document with benchmark text"
    )
    ngram: int = Field(8, ge=2, description="words that must agree in a row")
    share: float = Field(
        0.5, gt=0, le=1, description="share of an item's words from which it counts as contaminated"
    )
    shares: dict[str, float] = Field({}, description="the same by benchmark, where it differs")

    @property
    def own_by_benchmark(self) -> dict[str, dict[str, float]]:
        """As `Method` says."""
        return {"shares": self.shares}

    @property
    def scoring(self) -> Scoring:
        """As `Method` says."""
        return Scoring(covered_words, item_scores)

    def searched(self, items: pl.DataFrame) -> "Searched":
        """As `Method` says: texts of an n-gram or more."""
        from midtrain_dagster.decontamination.searched import searched

        return searched(items, ngram=self.ngram, shortest=self.ngram, forms=False)

    def index(self, searched: "Searched") -> "Seeds":
        """The windows that are evidence."""
        return searched.seeds(self.ngram)

    def find(self, documents: "Words", searched: "Searched", index: "Seeds") -> Found:
        """Documents that cover an item's share by themselves."""
        import numpy as np

        from midtrain_dagster.decontamination.coverage import as_found, covered
        from midtrain_dagster.decontamination.ngram import match_ngrams

        found, _ = covered(searched.words, match_ngrams(documents, searched.words, index))
        share = found.words / np.diff(searched.words.first)[found.variant]
        benchmark = searched.texts["benchmark"]
        needed = benchmark.replace_strict(self.shares, default=self.share, return_dtype=pl.Float64)
        return as_found(found, share, share >= needed.to_numpy()[found.variant])


def covered_words(
    documents: pl.DataFrame,
    items: pl.DataFrame,
    common_keys: pl.DataFrame | None = None,
    *,
    config: Config,
) -> dict[str, pl.DataFrame]:
    """What one part of documents (columns id, text) covers of the items: ``covered`` (COVERED).

    N-grams in ``common_keys`` (`common_ngrams.KEYS`) cover nothing.
    """
    import numpy as np

    from midtrain_dagster.decontamination.common_ngrams import without
    from midtrain_dagster.decontamination.coverage import covered
    from midtrain_dagster.decontamination.ngram import match_ngrams
    from midtrain_dagster.decontamination.scan import pieces
    from midtrain_dagster.decontamination.words import read_words

    searched = without(config.searched(items), common_keys)
    index = config.index(searched)
    anywhere = np.zeros(len(searched.words.hashes), np.bool_)
    for piece in pieces(documents.select(pl.col("text").cast(pl.String).fill_null(""))):
        words = read_words(piece["text"])
        anywhere |= covered(searched.words, match_ngrams(words, searched.words, index))[1]
    lengths = np.diff(searched.words.first)
    text = np.repeat(np.arange(len(lengths)), lengths)
    position = np.arange(len(anywhere)) - searched.words.first[text]
    at = np.flatnonzero(anywhere)
    begins = np.ones(len(at), np.bool_)
    begins[1:] = (np.diff(at) != 1) | (np.diff(text[at]) != 0)
    ends = np.r_[begins[1:], True][: len(at)]
    row = text[at[begins]]
    table = searched.texts.select("benchmark", "item", "kind")[row].with_columns(
        text=row, words=lengths[row], first=position[at[begins]], last=position[at[ends]]
    )
    return {"covered": table.cast(COVERED)}


def item_scores(covered: pl.DataFrame, *, config: Config) -> pl.DataFrame:
    """The items' scores (ITEM_SCORES) of what all parts cover, worst first in each benchmark."""
    said = ["benchmark", "item", "text", "words"]
    spans = covered.sort("text", "first", "last").with_columns(
        before=pl.col("last").cum_max().shift(1).over("text").cast(pl.Int64).fill_null(-1)
    )
    start = pl.max_horizontal(pl.col("first").cast(pl.Int64), pl.col("before") + 1)
    added = (pl.col("last").cast(pl.Int64) - start + 1).clip(lower_bound=0)
    texts = spans.group_by(said).agg(covered=added.sum())
    share = (pl.col("covered") / pl.col("words")).max()
    needed = pl.col("benchmark").replace_strict(
        config.shares, default=config.share, return_dtype=pl.Float64
    )
    return (
        texts.group_by("benchmark", "item")
        .agg(covered=share)
        .with_columns(contaminated=pl.col("covered") >= needed)
        .sort("benchmark", "covered", "item", descending=[False, True, False])
        .cast(ITEM_SCORES)
    )
