"""Which documents hold benchmark items: the hybrid of n-gram match and LCS ratio.

Qwen2.5-Math (arXiv 2409.12122, section 2.3) calls a sample contaminated when a normalised 13-gram
of a test item occurs in it **and** the ratio of their longest common subsequence exceeds 0.6: the
n-gram makes it fast, the ratio spares stock phrases ("let x be a real number such that"). The
paper does not print the ratio's denominator; the Qwen2.5 report (arXiv 2412.15115) requires
|LCS| >= 0.6 min(|training|, |test|), so here it is **the words of the shorter of item and
document**. A document is far longer than an item, so the LCS is taken in a window of two item
lengths around the match (see ``ngram``).

Of an item several texts are searched and the best match counts (`item_texts`): the question, the
answer, both, the question with its choices, code with its solution. A text with fewer than
``ngram`` words must occur whole, and have at least ``shortest`` words: 8, the floor that GPT-3
(arXiv 2005.14165, appendix C) gave its n. Shorter ones would accuse every page that asks an
everyday question (`searched` says which items are untestable). Words that many items share accuse
nobody (`templates`): an n-gram of the item's own must match, and the LCS ratio holds for its own
words as for all. A passage is laid to the item that explains it best (`attribution`).

What this does not find: paraphrase, translation, and copies edited more often than every
``ngram`` words. The same function is the gate on token shards: give it the training documents'
decoded text as ``documents``.
"""

from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.decontamination.item_texts import KINDS

if TYPE_CHECKING:
    from midtrain_dagster.decontamination.ngram import Seeds
    from midtrain_dagster.decontamination.searched import Searched

VERSION = 3

PIECE_BYTES = 2**20
"""What one kernel writes, the next then finds in the cache."""

HITS = pl.Schema(
    {
        "id": pl.String(),
        "benchmark": pl.String(),
        "item": pl.String(),
        "found_by": pl.Enum(KINDS),
        "start": pl.UInt64(),
        "stop": pl.UInt64(),
        "text": pl.String(),
        "ngrams": pl.UInt32(),
        "lcs_ratio": pl.Float64(),
    }
)
"""One row a document and item, its best occurrence. ``found_by`` is the kind of text that was
found, ``text`` the document from the first to the last matching n-gram, ``start`` and ``stop`` its
byte offsets in the document's text."""


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
    made, seeds = _prepared(_bytes(items), config.ngram, config.shortest)
    found = [
        _scan_piece(piece, made, seeds, config.lcs_ratio)
        for piece in _pieces(documents.select("id", pl.col("text").cast(pl.String).fill_null("")))
    ]
    return {"hits": pl.concat([HITS.to_frame(), *found])}


def searched_of(items: pl.DataFrame, *, config: ContaminationConfig) -> "Searched":
    """What is searched of the items, and what of them cannot be."""
    return _prepared(_bytes(items), config.ngram, config.shortest)[0]


def _bytes(items: pl.DataFrame) -> bytes:
    stream = BytesIO()
    items.write_ipc(stream)
    return stream.getvalue()


@lru_cache(maxsize=1)
def _prepared(items: bytes, ngram: int, shortest: int) -> "tuple[Searched, Seeds]":
    """Remembered from one part of the documents to the next: it takes as long as 30 MB of them."""
    from midtrain_dagster.decontamination.searched import searched

    made = searched(pl.read_ipc(items), ngram=ngram, shortest=shortest)
    return made, made.seeds(shortest)


def _pieces(documents: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Runs of documents of about ``PIECE_BYTES`` of text: what bounds the memory of the words."""
    piece = documents["text"].str.len_bytes().cum_sum() // PIECE_BYTES
    start = 0
    for length in piece.rle().struct.field("len"):
        yield documents.slice(start, length)
        start += length


def _scan_piece(
    documents: pl.DataFrame, made: "Searched", seeds: "Seeds", ratio: float
) -> pl.DataFrame:
    from midtrain_dagster.decontamination.attribution import best_of_spans
    from midtrain_dagster.decontamination.ngram import find_occurrences
    from midtrain_dagster.decontamination.words import read_words

    words = read_words(documents["text"])
    found = find_occurrences(words, made.words, seeds)
    ratios = np.minimum(
        found.common / np.maximum(found.shorter, 1),
        found.common_own / np.maximum(found.shorter_own, 1),
    )
    guilty = np.flatnonzero(ratios > ratio)
    if not guilty.size:
        return HITS.to_frame()
    texts = made.texts[found.variant[guilty]]
    document = found.document[guilty]
    benchmark = texts["benchmark"].rank("dense").to_numpy().astype(np.int64)
    first, last = found.first_word[guilty], found.last_word[guilty]
    group = document * (1 + benchmark.max()) + benchmark
    stands = best_of_spans(group, first, last, ratios[guilty], found.common[guilty])
    begin = words.first[document]
    hits = texts.select("benchmark", "item", found_by="kind").with_columns(
        document=document,
        ngrams=found.ngrams[guilty],
        lcs_ratio=ratios[guilty],
        first=first - begin,
        last=last - begin,
    )
    best = (
        hits.filter(stands)
        .sort(
            ["document", "benchmark", "item", "lcs_ratio", "ngrams", "first", "last", "found_by"],
            descending=[False, False, False, True, True, False, True, False],
        )
        .unique(["document", "benchmark", "item"], keep="first", maintain_order=True)
    )
    return _with_texts(documents, best).cast(HITS)


def _with_texts(documents: pl.DataFrame, hits: pl.DataFrame) -> pl.DataFrame:
    """The hits with their documents' ids, and with the matching text and where it stands."""
    from midtrain_dagster.decontamination.words import find_sources

    accused = hits["document"].unique().sort()
    texts = documents["text"].gather(accused)
    row = accused.search_sorted(hits["document"]).to_numpy()
    start, stop = find_sources(texts, row, hits["first"].to_numpy(), hits["last"].to_numpy())
    encoded = [text.encode() for text in texts]
    found = zip(row.tolist(), start.tolist(), stop.tolist(), strict=True)
    return hits.select(
        documents["id"].gather(hits["document"]),
        "benchmark",
        "item",
        "found_by",
        start=start,
        stop=stop,
        text=pl.Series([encoded[each][a:b].decode() for each, a, b in found], dtype=pl.String),
        ngrams="ngrams",
        lcs_ratio="lcs_ratio",
    )
