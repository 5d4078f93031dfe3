"""Which documents hold benchmark items: the hybrid of n-gram match and LCS ratio.

Qwen2.5-Math (arXiv 2409.12122, section 2.3) calls a sample contaminated when a normalised 13-gram
of a test item occurs in it **and** the ratio of their longest common subsequence exceeds 0.6: the
n-gram makes it fast, the ratio spares stock phrases ("let x be a real number such that"). The
paper does not print the ratio's denominator; the Qwen2.5 report (arXiv 2412.15115) requires
|LCS| >= 0.6 min(|training|, |test|), so here it is **the words of the shorter of item and
document**. A document is far longer than an item, so the LCS is taken in a window of two item
lengths around the match (see ``ngram``).

Of an item three texts are tested, and the best match counts: the question; the question followed
by the answer; the question followed by its choices, lettered as tests print them. A text with
fewer than ``ngram`` words must occur whole, and have at least ``shortest`` words: 8, the floor
that GPT-3 (arXiv 2005.14165, appendix C) gave its n. Shorter ones would accuse every page that
asks an everyday question; items of which no text is long enough are counted
(``untestable_items``), so that no clean scan hides them.

What this does not find: paraphrase, translation, and copies edited more often than every
``ngram`` words. The same function is the gate on token shards: give it the training documents'
decoded text as ``documents``.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.text_buffer import Text, text_buffer

if TYPE_CHECKING:
    from midtrain_dagster.decontamination.ngram import Seeds
    from midtrain_dagster.decontamination.normalise import Words

VERSION = 1

PIECE_BYTES = 8 * 2**20

HITS = pl.Schema(
    {
        "id": pl.String,
        "benchmark": pl.String,
        "item": pl.String,
        "start": pl.UInt64,
        "stop": pl.UInt64,
        "text": pl.String,
        "ngrams": pl.UInt32,
        "lcs_ratio": pl.Float64,
    }
)
"""One row a document and item, its best occurrence. ``text`` is the document from the first to
the last matching n-gram, ``start`` and ``stop`` its byte offsets in the document's text."""

UNTESTABLE = pl.Schema({"benchmark": pl.String, "item": pl.String, "words": pl.UInt32})


class ContaminationConfig(FrozenModel):
    """How a document is compared with a benchmark's items."""

    method: Literal["hybrid"] = Field(
        default="hybrid", description="n-gram match and LCS ratio, as in Qwen2.5-Math"
    )
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

    @model_validator(mode="after")
    def _shortest_within_ngram(self) -> "ContaminationConfig":
        if self.shortest > self.ngram:
            raise ValueError(f"shortest ({self.shortest}) must not exceed ngram ({self.ngram})")
        return self


def scan(
    documents: pl.DataFrame, items: pl.DataFrame, *, config: ContaminationConfig
) -> dict[str, pl.DataFrame]:
    """Find benchmark items in documents.

    ``documents`` needs the columns id and text, ``items`` is a table of benchmark items (of one
    benchmark or several). Returns ``hits``, in the order of the documents, then benchmark and item.
    """
    from midtrain_dagster.decontamination.ngram import build_seeds
    from midtrain_dagster.decontamination.normalise import find_words

    texts = item_texts(items)
    item_words = find_words(*_buffer(texts["text"]))
    seeds = build_seeds(item_words, config.ngram, config.shortest)
    found = [
        _scan_piece(piece, texts, item_words, seeds, config.lcs_ratio)
        for piece in _pieces(documents.select("id", "text"))
    ]
    return {"hits": pl.concat([HITS.to_frame(), *found])}


def _pieces(documents: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Runs of documents of about ``PIECE_BYTES`` of text: what bounds the memory of the words."""
    piece = documents["text"].str.len_bytes().fill_null(0).cum_sum() // PIECE_BYTES
    start = 0
    for length in piece.rle().struct.field("len"):
        yield documents.slice(start, length)
        start += length


def _scan_piece(
    documents: pl.DataFrame, texts: pl.DataFrame, item_words: "Words", seeds: "Seeds", ratio: float
) -> pl.DataFrame:
    from midtrain_dagster.decontamination.ngram import find_occurrences
    from midtrain_dagster.decontamination.normalise import find_words

    data, offsets = _buffer(documents["text"])
    words = find_words(data, offsets)
    found = find_occurrences(words, item_words, seeds)
    ratios = found.common / np.maximum(found.shorter, 1)
    guilty = ratios > ratio
    document, variant = found.document[guilty], found.variant[guilty]
    start = words.start[found.first_word[guilty]]
    stop = words.stop[found.last_word[guilty]]
    hits = pl.DataFrame(
        {
            "id": documents["id"].gather(document),
            "benchmark": texts["benchmark"].gather(variant),
            "item": texts["item"].gather(variant),
            "start": start - offsets[document],
            "stop": stop - offsets[document],
            "text": [data[a:b].tobytes().decode() for a, b in zip(start, stop, strict=True)],
            "ngrams": found.ngrams[guilty],
            "lcs_ratio": ratios[guilty],
            "document": document,
        },
        schema={**HITS, "document": pl.Int64},
    )
    best = hits.sort(
        ["document", "benchmark", "item", "lcs_ratio", "ngrams", "start", "stop"],
        descending=[False, False, False, True, True, False, True],
    ).unique(["document", "benchmark", "item"], keep="first", maintain_order=True)
    return best.drop("document")


def untestable_items(items: pl.DataFrame, *, config: ContaminationConfig) -> pl.DataFrame:
    """Items of which no text has ``shortest`` words: benchmark, item, words of the longest."""
    from midtrain_dagster.decontamination.normalise import find_words

    texts = item_texts(items)
    words = np.diff(find_words(*_buffer(texts["text"])).first)
    return (
        texts.select("benchmark", "item", words=pl.Series(words, dtype=pl.UInt32))
        .group_by("benchmark", "item", maintain_order=True)
        .agg(pl.col("words").max())
        .filter(pl.col("words") < config.shortest)
        .cast(UNTESTABLE)
    )


def item_texts(items: pl.DataFrame) -> pl.DataFrame:
    """The texts that are tested of each item, one a row: benchmark, item, text."""
    question = pl.col("question").fill_null("")
    lettered = pl.col("choices").map_elements(_lettered, return_dtype=pl.String)
    texts = items.select(
        "benchmark",
        "item",
        text=pl.concat_list(
            question,
            pl.concat_str(question, pl.lit("\n"), pl.col("answer").fill_null("")),
            pl.concat_str(question, pl.lit("\n"), lettered.fill_null("")),
        ).list.unique(maintain_order=True),
    )
    return texts.explode("text")


def _lettered(choices: pl.Series) -> str:
    return "\n".join(f"{chr(ord('A') + index)}. {choice}" for index, choice in enumerate(choices))


def _buffer(texts: pl.Series) -> Text:
    """The column as one buffer; a null is an empty text."""
    return text_buffer(texts.cast(pl.String).fill_null(""))
