"""A hit for a person to read: the document's passage beside the item's text, and what they share.

The words are those that the scan reads (`words`), so tags, escapes and invisible characters of one
side do not hide that it is the other. What is marked is a longest common subsequence of the two,
in runs of words that follow one another on both sides. Of an item several texts are searched
(`item_texts`); shown is the one of the hit's kind that has the most words in common.

It reads hits that somebody looks at, a few of each benchmark, and no document: a hit holds its
passage. Each side is cut at ``WORDS`` words, which bounds the table of the subsequence.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from midtrain_dagster.core.jit import jit
from midtrain_dagster.decontamination.item_texts import item_texts
from midtrain_dagster.decontamination.words import Words, find_sources, read_words

WORDS = 160
"""Words of a side that are shown: a long item, and what one reads at a glance."""

Pieces = tuple[tuple[str, bool], ...]
"""A text in pieces, each with whether it is shared with the other side."""


class Reading(NamedTuple):
    """A hit with both texts."""

    hit: dict[str, object]
    """Its row (``scan.HITS``, with the ``source`` of its document)."""
    passage: Pieces
    """The document from the first to the last match."""
    item: Pieces


def readings(hits: pl.DataFrame, items: pl.DataFrame) -> Iterator[Reading]:
    """Each hit with both texts, in order.

    ``items`` has the rows of the hits' items (``item_texts`` says which columns). Raises
    :class:`KeyError` for a hit of an item that is not there.
    """
    for hit in hits.iter_rows(named=True):
        own = items.filter(benchmark=hit["benchmark"], item=hit["item"])
        if own.is_empty():
            raise KeyError(f"benchmark {hit['benchmark']!r} has no item {hit['item']!r}")
        every = item_texts(own, short_questions=pl.Series([True] * own.height))
        texts = every.filter(pl.col("kind").cast(pl.String) == hit["found_by"])["text"]
        if texts.is_empty():
            texts = every["text"]
        yield Reading(hit, *side_by_side(hit["text"], texts))


def side_by_side(passage: str, texts: pl.Series) -> tuple[Pieces, Pieces]:
    """The passage and the one of the texts that has most words in common with it, marked.

    Of texts that have as many the shorter one, then the first, is taken.
    """
    words = read_words(pl.concat([pl.Series([passage]), texts.cast(pl.String)]))
    ours = words.hashes[: min(words.first[1], WORDS)]
    best: tuple[int, int, int, NDArray[np.int64]] | None = None
    for number in range(1, len(words.first) - 1):
        start, stop = words.first[number], words.first[number + 1]
        common = common_subsequence(ours, words.hashes[start : min(stop, start + WORDS)])
        key = (common.shape[1], -int(stop - start))
        if best is None or key > best[:2]:
            best = (*key, number, common)
    if best is None:
        raise ValueError("there is no text to lay beside the passage")
    _, _, number, (left, right) = best
    return (
        _pieces(passage, words, 0, left),
        _pieces(texts[number - 1], words, number, right),
    )


def common_subsequence(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> NDArray[np.int64]:
    """A longest common subsequence, as two rows of equal length: places in both, ascending.

    Of several it is the one that ends last on the left.
    """
    rows = _common(np.ascontiguousarray(left), np.ascontiguousarray(right))
    return np.ascontiguousarray(rows[:, ::-1])


@jit
def _common(left, right):  # type: ignore[no-untyped-def]
    """Places of the subsequence, from its end: the usual table, and the way back through it."""
    table = np.zeros((len(left) + 1, len(right) + 1), np.int32)
    for row in range(len(left)):
        for column in range(len(right)):
            if left[row] == right[column]:
                table[row + 1, column + 1] = table[row, column] + 1
            else:
                table[row + 1, column + 1] = max(table[row, column + 1], table[row + 1, column])
    found = np.empty((2, table[-1, -1]), np.int64)
    row, column, count = len(left), len(right), 0
    while count < found.shape[1]:
        if left[row - 1] == right[column - 1]:
            row, column = row - 1, column - 1
            found[0, count], found[1, count] = row, column
            count += 1
        elif table[row, column - 1] >= table[row - 1, column]:
            column -= 1
        else:
            row -= 1
    return found


def _pieces(text: str, words: Words, number: int, shared: NDArray[np.int64]) -> Pieces:
    """The text in pieces; ``shared`` are those of its words, ascending, that the other has too."""
    count = int(words.first[number + 1] - words.first[number])
    data = text.encode()
    ends = _places(text, np.array([min(count, WORDS) - 1]))[1] if count > WORDS else [len(data)]
    stop = int(ends[0])
    pieces: list[tuple[str, bool]] = []
    at = 0
    if len(shared):
        breaks = np.flatnonzero(np.diff(shared) != 1)
        first = shared[np.concatenate([[0], breaks + 1])]
        last = shared[np.concatenate([breaks, [len(shared) - 1]])]
        for begin, end in zip(_places(text, first)[0], _places(text, last)[1], strict=True):
            pieces += [(_decoded(data, at, begin), False), (_decoded(data, begin, end), True)]
            at = int(end)
    pieces.append((_decoded(data, at, stop) + (" …" if stop < len(data) else ""), False))
    return tuple(piece for piece in pieces if piece[0])


def _places(text: str, word: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where words of a text begin and end, in bytes."""
    return find_sources(pl.Series([text]), np.zeros(len(word), np.int64), word, word)


def _decoded(data: bytes, start: int, stop: int) -> str:
    # A word's bounds are those of characters, so nothing is lost.
    return data[int(start) : int(stop)].decode()
