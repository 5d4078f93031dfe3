"""What is searched of a benchmark: the texts of its items, which windows of them are evidence, and
what cannot be searched at all.

A text is found by its n-grams; one of fewer words must occur whole, and have at least ``shortest``
of them. **An answer alone** must have an n-gram: a short one ("the mitochondria is the powerhouse
of the cell") is what every page on its subject says. Template n-grams are no evidence
(`templates`). An item of which no text has a window left is untestable; it is counted, so that no
clean scan hides it.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from midtrain_dagster.decontamination.item_texts import KINDS, item_texts
from midtrain_dagster.decontamination.ngram import Seeds, build_seeds
from midtrain_dagster.decontamination.templates import (
    TEMPLATE_ITEMS,
    Windows,
    own_words,
    sharing_items,
    template_runs,
    whole_hashes,
    windows_of,
)
from midtrain_dagster.decontamination.words import Words, read_words

UNTESTABLE = pl.Schema(
    {"benchmark": pl.String, "item": pl.String, "words": pl.UInt32, "reason": pl.String}
)
"""Items that cannot be searched: the words of the longest text, ``too_short`` or ``template``."""

SEARCHABLE = pl.Schema({"benchmark": pl.String(), "kind": pl.Enum(KINDS), "items": pl.UInt32()})
"""By kind of text, the items of which one can be searched."""


class Searched(NamedTuple):
    """The texts of items, ready to be searched."""

    texts: pl.DataFrame
    """``item_texts.ITEM_TEXTS``"""
    words: Words
    windows: Windows
    sharing: np.ndarray
    """int64: in how many items of its benchmark each window stands."""
    own: np.ndarray
    """bool: of each word whether it is its item's own, or that of a form."""

    @property
    def is_template(self) -> np.ndarray:
        """Of each window whether it is template text."""
        return self.sharing >= TEMPLATE_ITEMS

    def seeds(self, seed_words: int) -> Seeds:
        """The windows that are evidence, indexed by their first words."""
        kept = Windows(*(each[~self.is_template] for each in self.windows))
        return build_seeds(self.words, kept, self.own, seed_words)

    def templates(self) -> pl.DataFrame:
        """The template text (``templates.TEMPLATES``)."""
        return template_runs(self.words, self.windows, self.sharing, self.texts["benchmark"])

    def untestable(self) -> pl.DataFrame:
        """The items that cannot be searched (``UNTESTABLE``)."""
        return (
            self._by_text()
            .group_by("benchmark", "item", maintain_order=True)
            .agg(pl.col("words", "windows", "evidence").max())
            .filter(evidence=0)
            .select(
                "benchmark",
                "item",
                "words",
                reason=pl.when(pl.col("windows") > 0)
                .then(pl.lit("template"))
                .otherwise(pl.lit("too_short")),
            )
            .cast(UNTESTABLE)
        )

    def testable(self) -> pl.DataFrame:
        """The kinds of text of each item that can be searched: benchmark, item, kind."""
        with_evidence = self._by_text().filter(pl.col("evidence") > 0)
        return with_evidence.select("benchmark", "item", "kind").unique(maintain_order=True)

    def searchable(self) -> pl.DataFrame:
        """The items that can be searched, by kind of text (``SEARCHABLE``)."""
        return (
            self.testable()
            .group_by("benchmark", "kind", maintain_order=True)
            .agg(items=pl.len())
            .sort("benchmark", "kind", maintain_order=True)
            .cast(SEARCHABLE)
        )

    def _by_text(self) -> pl.DataFrame:
        count = self.texts.height
        evidence = self.windows.text[~self.is_template]
        return self.texts.drop("text").with_columns(
            words=pl.Series(np.diff(self.words.first)),
            windows=pl.Series(np.bincount(self.windows.text, minlength=count)),
            evidence=pl.Series(np.bincount(evidence, minlength=count)),
        )


def searched(items: pl.DataFrame, *, ngram: int, shortest: int) -> Searched:
    """The texts of a table of items, of one benchmark or several."""
    question = pl.col("question").fill_null("")
    questions = np.diff(read_words(items.select(question).to_series()).first)
    texts = item_texts(items, short_questions=pl.Series(questions < shortest))
    words = read_words(texts["text"])
    lengths = np.diff(words.first)
    floor = np.where((texts["kind"] == "answer").to_numpy(), ngram, shortest)
    needed = np.where(lengths >= floor, np.minimum(lengths, ngram), 0)
    windows = windows_of(needed, lengths)
    benchmark = texts["benchmark"].rank("dense").to_numpy().astype(np.int64)
    item = _item_numbers(items, texts)
    sharing = sharing_items(words, windows, item, benchmark)
    return Searched(texts, words, windows, sharing, own_words(words, item, benchmark))


def _item_numbers(items: pl.DataFrame, texts: pl.DataFrame) -> np.ndarray:
    """Of each text the number of its item; items of the same words have the same."""
    said = [pl.col("question"), pl.col("choices").list.join("\n"), pl.col("answer")]
    whole = read_words(items.select(pl.concat_str(said, separator="\n", ignore_nulls=True))[:, 0])
    numbered = items.select(
        "benchmark", "item", number=pl.Series(whole_hashes(whole.hashes, whole.first))
    )
    numbers = texts.join(numbered, on=["benchmark", "item"], how="left", maintain_order="left")
    return numbers["number"].rank("dense").to_numpy().astype(np.int64)
