"""What is searched of a benchmark: the texts of its items, which windows of them are evidence, and
what cannot be searched at all.

A text is found by its n-grams; one of fewer words must occur whole, and have at least ``shortest``
of them. **An answer alone** must have an n-gram: a short one ("the mitochondria is the powerhouse
of the cell") is what every page on its subject says. Template n-grams are no evidence
(`templates`). An item of which no text has a window left is untestable; it is counted, so that no
clean scan hides it.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from midtrain_dagster.core.schema import PASSAGE_IN_ROW
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
"""Items that cannot be searched: the words of the longest text, and why: ``too_short``,
``template`` (other items share all of it) or ``common`` (many documents hold all of it)."""

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
    item: np.ndarray
    """int64: of each text the number of its item; items of the same words have the same."""
    common: np.ndarray | None = None
    """bool: of each window whether many documents hold it; None: that is not looked at."""

    @property
    def is_template(self) -> np.ndarray:
        """Of each window whether it is template text."""
        return self.sharing >= TEMPLATE_ITEMS

    @property
    def is_evidence(self) -> np.ndarray:
        """Of each window whether it accuses: what many items or many documents have does not."""
        rare = ~self.is_template
        return rare if self.common is None else rare & ~self.common

    def seeds(self, seed_words: int) -> Seeds:
        """The windows that are evidence, indexed by their first words."""
        kept = Windows(*(each[self.is_evidence] for each in self.windows))
        return build_seeds(self.words, kept, self.own, seed_words)

    def common_seeds(self, size: int) -> Seeds | None:
        """The n-grams of so many words that many documents hold, indexed; None if none does."""
        if self.common is None:
            return None
        mine = self.common & (self.windows.size == size)
        kept = Windows(*(each[mine] for each in self.windows))
        return build_seeds(self.words, kept, self.own, size) if len(kept.text) else None

    def templates(self) -> pl.DataFrame:
        """The template text (``templates.TEMPLATES``)."""
        return template_runs(self.words, self.windows, self.sharing, self.texts["benchmark"])

    def untestable(self) -> pl.DataFrame:
        """The items that cannot be searched (``UNTESTABLE``)."""
        return (
            self._by_text()
            .group_by("benchmark", "item", maintain_order=True)
            .agg(pl.col("words", "windows", "rare", "evidence").max())
            .filter(evidence=0)
            .select(
                "benchmark",
                "item",
                "words",
                reason=pl.when(pl.col("windows") == 0)
                .then(pl.lit("too_short"))
                .when(pl.col("rare") == 0)
                .then(pl.lit("template"))
                .otherwise(pl.lit("common")),
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
        rare = self.windows.text[~self.is_template]
        evidence = self.windows.text[self.is_evidence]
        return self.texts.select("benchmark", "item", "kind").with_columns(
            words=pl.Series(np.diff(self.words.first)),
            windows=pl.Series(np.bincount(self.windows.text, minlength=count)),
            rare=pl.Series(np.bincount(rare, minlength=count)),
            evidence=pl.Series(np.bincount(evidence, minlength=count)),
        )


def searched(
    items: pl.DataFrame, *, ngram: int | Mapping[str, int], shortest: int, forms: bool = True
) -> Searched:
    """The texts of a table of items, of one benchmark or several.

    ``ngram`` may differ by benchmark. Without ``forms`` every word counts as its item's own.
    """

    def needed(texts: pl.DataFrame, lengths: np.ndarray) -> np.ndarray:
        size = ngram_of(texts["benchmark"], ngram)
        floor = np.where((texts["kind"] == "answer").to_numpy(), size, np.minimum(size, shortest))
        return np.where(lengths >= floor, np.minimum(lengths, size), 0)

    return searched_by(items, needed, shortest=shortest, forms=forms)


def searched_by(
    items: pl.DataFrame,
    needed: Callable[[pl.DataFrame, np.ndarray], np.ndarray],
    *,
    shortest: int,
    forms: bool = True,
) -> Searched:
    """As `searched`, by the words that ``needed`` says of the texts (and their lengths in words)
    must agree in a row for a match; 0: the text is not searched."""
    question = pl.col("question").fill_null("")
    questions = np.diff(read_words(items.select(question).to_series()).first)
    texts = item_texts(items, short_questions=pl.Series(questions < shortest))
    words = read_words(texts["text"])
    lengths = np.diff(words.first)
    windows = windows_of(needed(texts, lengths), lengths)
    benchmark = texts["benchmark"].rank("dense").to_numpy().astype(np.int64)
    item = _item_numbers(items, texts)
    sharing = sharing_items(words, windows, item, benchmark)
    own = own_words(words, item, benchmark) if forms else np.ones(len(words.hashes), np.bool_)
    return Searched(texts, words, windows, sharing, own, item)


def ngram_of(benchmark: pl.Series, ngram: int | Mapping[str, int]) -> np.ndarray:
    """Of each row's benchmark the words of an n-gram."""
    if isinstance(ngram, int):
        return np.full(len(benchmark), ngram, np.int64)
    return benchmark.replace_strict(dict(ngram), return_dtype=pl.Int64).to_numpy()


def _item_numbers(items: pl.DataFrame, texts: pl.DataFrame) -> np.ndarray:
    """Of each text the number of its item; items of the same words have the same."""
    said = [pl.col("question"), pl.col("choices").list.join("\n"), pl.col("answer")]
    whole = read_words(items.select(pl.concat_str(said, separator="\n", ignore_nulls=True))[:, 0])
    numbered = items.select(
        "benchmark", "item", number=pl.Series(whole_hashes(whole.hashes, whole.first))
    )
    numbers = texts.join(numbered, on=["benchmark", "item"], how="left", maintain_order="left")
    return numbers["number"].rank("dense").to_numpy().astype(np.int64)


def searched_questions(
    items: pl.DataFrame, *, ngram: int, shortest: int, unique_words: int, answers: bool
) -> Searched:
    """The questions of items, each with its answer and passage beside it (columns of ``texts``).

    For methods that weigh question, answer and passage apart. Searched are items of ``shortest``
    words in all, of which ``unique_words`` differ, by the n-grams of their question. Without
    ``answers`` the question is scored alone.
    """
    passage = pl.col("passage") if "passage" in items.columns else pl.lit(None, pl.String)
    if "row" in items.columns:
        passage = pl.coalesce(pl.col("row").str.json_path_match(PASSAGE_IN_ROW), passage)
    answer = pl.col("answer") if answers else pl.lit(None, pl.String)
    kind = pl.when(answer.fill_null("").str.strip_chars() != "").then(pl.lit("question_answer"))
    texts = items.select(
        "benchmark",
        "item",
        kind=kind.otherwise(pl.lit("question")).cast(pl.Enum(KINDS)),
        text=pl.col("question").fill_null(""),
        answer=answer.fill_null(""),
        passage=passage.fill_null(""),
    )
    words = read_words(texts["text"])
    lengths = np.diff(words.first)
    told = texts.select(pl.concat_str("text", "answer", "passage", separator="\n"))[:, 0]
    whole = read_words(told)
    asked = np.diff(whole.first)
    number = np.repeat(np.arange(texts.height), asked)
    different = pl.DataFrame({"text": number, "word": whole.hashes}).unique()["text"]
    varied = np.bincount(different.to_numpy(), minlength=texts.height) >= unique_words
    kept = (lengths >= ngram) & (asked >= shortest) & varied
    windows = windows_of(np.where(kept, ngram, 0), lengths)
    benchmark = texts["benchmark"].rank("dense").to_numpy().astype(np.int64)
    item = _item_numbers(items, texts)
    sharing = sharing_items(words, windows, item, benchmark)
    return Searched(texts, words, windows, sharing, np.ones(len(words.hashes), np.bool_), item)


def searched_paragraphs(items: pl.DataFrame, *, ngram: int, shortest: int) -> Searched:
    """The lines of items' questions and answers, each by its n-grams, a short one as a whole."""
    said = pl.concat(
        items.select("benchmark", "item", kind=pl.lit(kind), text=pl.col(kind).fill_null(""))
        for kind in ("question", "answer")
    )
    lines = said.with_columns(pl.col("text").str.split("\n")).explode("text")
    texts = lines.unique(maintain_order=True).cast({"kind": pl.Enum(KINDS)})
    words = read_words(texts["text"])
    lengths = np.diff(words.first)
    windows = windows_of(np.where(lengths >= shortest, np.minimum(lengths, ngram), 0), lengths)
    benchmark = texts["benchmark"].rank("dense").to_numpy().astype(np.int64)
    item = _item_numbers(items, texts)
    sharing = sharing_items(words, windows, item, benchmark)
    return Searched(texts, words, windows, sharing, np.ones(len(words.hashes), np.bool_), item)
