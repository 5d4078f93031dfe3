"""GPT-3: any shared n-gram convicts, and its surroundings are cut.

GPT-3 (arXiv 2005.14165, appendix C) takes for N the 5th percentile of a benchmark's lengths in
words, not under 8 and not over 13, and removes every collision of an N-gram, with 200 characters on
each side; pieces under 200 characters are dropped, and so is a document that would be split into
more than 10. N-grams that more than 10 documents have are ignored (`common_ngrams`), and here also
those that three items share (`templates`). Removing spans is the recipe's choice for every method:
see `actions`.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from midtrain_dagster.core.causes import CAUSE_IF_SET, NOT_A_CAUSE
from midtrain_dagster.decontamination.method import Found, Method
from midtrain_dagster.decontamination.options import Action, CommonNgrams

if TYPE_CHECKING:
    import polars as pl

    from midtrain_dagster.decontamination.ngram import Seeds
    from midtrain_dagster.decontamination.searched import Searched
    from midtrain_dagster.decontamination.words import Words

VERSION = 2

PERCENTILE = 0.05


class Config(Method):
    """Any n-gram in common, its length by the benchmark's short items, as in GPT-3."""

    method: Literal["gpt3"] = "gpt3"
    action: Annotated[Action, NOT_A_CAUSE] = Field(
        "cut_span", description="what becomes of a document with benchmark text"
    )
    common_ngrams: Annotated[CommonNgrams | None, CAUSE_IF_SET] = Field(
        CommonNgrams(documents=11),
        description="from when an item's n-gram is common in the corpus and counts for nothing; "
        "null: none is",
    )
    shortest: int = Field(8, ge=2, description="words of the shortest n-gram")
    longest: int = Field(13, ge=2, description="words of the longest n-gram")

    @model_validator(mode="after")
    def _shortest_within_longest(self) -> "Config":
        if self.shortest > self.longest:
            raise ValueError(f"shortest ({self.shortest}) must not exceed longest ({self.longest})")
        return self

    @property
    def by_windows(self) -> bool:
        """As `Method` says: its seeds are those windows."""
        return True

    def searched(self, items: "pl.DataFrame") -> "Searched":
        """As `Method` says, with each benchmark's own N."""
        from midtrain_dagster.decontamination.searched import searched

        sizes = ngram_sizes(items, self.shortest, self.longest)
        return searched(items, ngram=sizes, shortest=self.shortest, forms=False)

    def index(self, searched: "Searched") -> "Seeds":
        """The windows that are evidence."""
        return searched.seeds(self.shortest)

    def find(self, documents: "Words", searched: "Searched", index: "Seeds") -> Found:
        """Every run of n-grams; runs that an n-gram's length parts are occurrences of their own."""
        import numpy as np

        from midtrain_dagster.decontamination.coverage import as_found, covered
        from midtrain_dagster.decontamination.ngram import match_ngrams

        matches = match_ngrams(documents, searched.words, index)
        found, _ = covered(searched.words, matches, gap=self.longest)
        share = found.words / np.diff(searched.words.first)[found.variant]
        return as_found(found, share, np.ones(len(share), np.bool_))


def ngram_sizes(items: "pl.DataFrame", shortest: int, longest: int) -> dict[str, int]:
    """By benchmark, the 5th percentile of its items' words, within the bounds."""
    import numpy as np
    import polars as pl

    from midtrain_dagster.decontamination.words import read_words

    said = items.select(pl.concat_str("question", "answer", separator="\n", ignore_nulls=True))
    words = np.diff(read_words(said.to_series()).first)
    table = items.select("benchmark").with_columns(words=words)
    percentile = pl.col("words").quantile(PERCENTILE, "lower")
    by_benchmark = table.group_by("benchmark").agg(percentile.cast(pl.Int64))
    return {name: min(longest, max(shortest, n)) for name, n in by_benchmark.iter_rows()}
