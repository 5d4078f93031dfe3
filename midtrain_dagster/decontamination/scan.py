"""Which documents hold benchmark items: what is the same for every method.

Of an item several texts are searched and the best match counts (`item_texts`). What convicts is the
method's matter (``methods/``, the family that a recipe names). Words that many items share accuse
nobody (`templates`), and a passage is laid to the item that explains it best (`attribution`).

The same function is the gate on token shards: give it the training documents' decoded text as
``documents``. What the whole corpus says (n-grams that many documents hold) and what an embedding
model says is asked of what it finds (`acquittals`).
"""

import sys
from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.decontamination.item_texts import KINDS
from midtrain_dagster.decontamination.method import Method

if TYPE_CHECKING:
    from midtrain_dagster.decontamination.common_ngrams import Counter
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
byte offsets in the document's text. ``lcs_ratio`` is what the method's threshold was held against:
an LCS ratio where the method is the first one, whose name the column keeps."""

OCCURRENCES = pl.Schema({"document": pl.Int64(), "variant": pl.Int64(), **HITS})
"""The same with the number of the document's row, and of the text that was found."""

_KEY = ["document", "benchmark", "item"]


def scan(
    documents: pl.DataFrame, items: pl.DataFrame, *, config: Method, counting: bool = False
) -> dict[str, pl.DataFrame]:
    """Find benchmark items in documents.

    ``documents`` needs the columns id and text, ``items`` is a table of benchmark items (of one
    benchmark or several). Returns ``hits``, in the order of the documents, then benchmark and item;
    if it is ``counting`` also ``ngrams``, how many of these documents hold each n-gram of the items
    (`common_ngrams.COUNTS`).
    """
    found, counts = _scanned(documents, items, config, None, counting)
    hits = best(found).select(HITS.names())
    return {"hits": hits} if counts is None else {"hits": hits, "ngrams": counts}


def best(found: pl.DataFrame) -> pl.DataFrame:
    """The best occurrence of each item in each document."""
    return found.sort(
        [*_KEY, "lcs_ratio", "ngrams", "start", "stop", "found_by"],
        descending=[False, False, False, True, True, False, True, False],
    ).unique(_KEY, keep="first", maintain_order=True)


def occurrences(
    documents: pl.DataFrame,
    items: pl.DataFrame,
    *,
    config: Method,
    common: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Every occurrence that convicts and stands (`attribution`), as OCCURRENCES. One of an item by
    each text that is found of it. N-grams in ``common`` (`common_ngrams.KEYS`) are no evidence."""
    return _scanned(documents, items, config, common, counting=False)[0]


def _scanned(
    documents: pl.DataFrame,
    items: pl.DataFrame,
    config: Method,
    common: pl.DataFrame | None,
    counting: bool,
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """The occurrences (OCCURRENCES), and the counts of n-grams if it is counting."""
    from midtrain_dagster.decontamination import common_ngrams

    made, index = _made_of(items, config, common)
    counter = _counter(_bytes(items), type(config), config.model_dump_json()) if counting else None
    table = documents.select("id", pl.col("text").cast(pl.String).fill_null(""))
    table = table.with_columns(document=pl.int_range(pl.len()), base=pl.lit(0, pl.UInt64))
    if config.by_paragraph:
        table = paragraphs(table)
    found, pairs = [], []
    for piece in pieces(table):
        accused, held = _scan_piece(piece, made, index, config, counter)
        found.append(accused)
        pairs.append(held)
    every = pl.concat([OCCURRENCES.to_frame(), *found])
    return every, common_ngrams.counted(pairs) if counting else None


def paragraphs(documents: pl.DataFrame) -> pl.DataFrame:
    """A row for each line of the documents, with its byte offset (``base``) in the document."""
    lines = documents.with_columns(pl.col("text").str.split("\n")).explode("text")
    taken = pl.col("text").str.len_bytes().cast(pl.UInt64) + 1
    return lines.with_columns(base=taken.cum_sum().over("document") - taken)


def searched_of(
    items: pl.DataFrame, *, config: Method, common: pl.DataFrame | None = None
) -> "Searched":
    """What is searched of the items, and what of them cannot be."""
    return _made_of(items, config, common)[0]


def versions_for(config: Method) -> dict[str, int]:
    """The versions that the hits of a method depend on."""
    return {**versions_of(sys.modules[__name__]), **config.versions()}


def _made_of(
    items: pl.DataFrame, config: Method, common: pl.DataFrame | None
) -> "tuple[Searched, Any]":
    keys = None if common is None or common.is_empty() else _bytes(common)
    return _prepared(_bytes(items), type(config), config.model_dump_json(), keys)


def _bytes(items: pl.DataFrame) -> bytes:
    stream = BytesIO()
    items.write_ipc(stream)
    return stream.getvalue()


@lru_cache(maxsize=1)
def _prepared(
    items: bytes, method: type[Method], config: str, common: bytes | None
) -> "tuple[Searched, Any]":
    """Remembered from one part of the documents to the next: it takes as long as 30 MB of them."""
    from midtrain_dagster.decontamination.common_ngrams import without

    use = method.model_validate_json(config)
    made = without(use.searched(pl.read_ipc(items)), pl.read_ipc(common) if common else None)
    return made, use.index(made)


@lru_cache(maxsize=1)
def _counter(items: bytes, method: type[Method], config: str) -> "Counter":
    """Remembered as what is searched is."""
    from midtrain_dagster.decontamination.common_ngrams import counter_of

    return counter_of(_prepared(items, method, config, None)[0])


def pieces(documents: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Runs of documents of about ``PIECE_BYTES`` of text: what bounds the memory of the words."""
    piece = documents["text"].str.len_bytes().cum_sum() // PIECE_BYTES
    start = 0
    for length in piece.rle().struct.field("len"):
        yield documents.slice(start, length)
        start += length


def _scan_piece(
    documents: pl.DataFrame,
    made: "Searched",
    index: Any,
    config: Method,
    counter: "Counter | None",
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The occurrences in some documents, and which n-grams these hold (none without a counter)."""
    from midtrain_dagster.decontamination.attribution import best_of_spans
    from midtrain_dagster.decontamination.common_ngrams import PAIRS, held
    from midtrain_dagster.decontamination.words import read_words

    words = read_words(documents["text"])
    pairs = PAIRS.to_frame()
    if counter is not None:
        pairs = held(words, documents["document"], made, counter)
    found = config.find(words, made, index)
    if not found.document.size:
        return OCCURRENCES.to_frame(), pairs
    texts = made.texts[found.variant]
    document = found.document
    benchmark = texts["benchmark"].rank("dense").to_numpy().astype(np.int64)
    first, last = found.first_word, found.last_word
    group = document * (1 + benchmark.max()) + benchmark
    stands = best_of_spans(group, first, last, found.score, found.common)
    begin = words.first[document]
    is_short = np.diff(made.words.first)[found.variant] < config.lines_below
    hits = texts.select("benchmark", "item", found_by="kind").with_columns(
        variant=found.variant,
        row=document,
        is_short=is_short,
        ngrams=found.ngrams,
        lcs_ratio=found.score,
        first=first - begin,
        last=last - begin,
    )
    return _with_texts(documents, hits.filter(stands)).cast(OCCURRENCES), pairs


def _with_texts(documents: pl.DataFrame, hits: pl.DataFrame) -> pl.DataFrame:
    """The occurrences with their documents' ids, the matching text and where it stands; short
    ones only where they are lines."""
    from midtrain_dagster.decontamination.whole_lines import is_line
    from midtrain_dagster.decontamination.words import find_sources

    accused = hits["row"].unique().sort()
    texts = documents["text"].gather(accused)
    row = accused.search_sorted(hits["row"]).to_numpy()
    start, stop = find_sources(texts, row, hits["first"].to_numpy(), hits["last"].to_numpy())
    encoded = [text.encode() for text in texts]
    places = list(zip(row.tolist(), start.tolist(), stop.tolist(), strict=True))
    counts = [
        not short or is_line(encoded[each], a, b)
        for short, (each, a, b) in zip(hits["is_short"], places, strict=True)
    ]
    base = documents["base"].gather(hits["row"])
    return hits.select(
        documents["document"].gather(hits["row"]),
        "variant",
        documents["id"].gather(hits["row"]),
        "benchmark",
        "item",
        "found_by",
        start=base + pl.Series(start).cast(pl.UInt64),
        stop=base + pl.Series(stop).cast(pl.UInt64),
        text=pl.Series([encoded[each][a:b].decode() for each, a, b in places], dtype=pl.String),
        ngrams="ngrams",
        lcs_ratio="lcs_ratio",
    ).filter(pl.Series(counts, dtype=pl.Boolean))
