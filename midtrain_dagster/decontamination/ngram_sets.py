"""The n-grams of each text as a set with weights, and how much of it a passage holds, in any order.

A passage grows from a seed to the left and to the right for as long as n-grams of the text come, up
to ``misses`` words in a row without one (decon's cluster of AI2, "progressive extension over
gaps"). What counts is the **set** of the text's n-grams in the passage, not their order: reversed
sentences are found, which no common subsequence sees.

The n-grams of the passage are compared by hash. Only what a seed brings comes here, and seeds are
verified letter by letter (`ngram`), so no collision can accuse a document by itself.

The walk is linear: of a text, words inside a passage start no second one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.decontamination.templates import window_hashes, windows_of
from midtrain_dagster.decontamination.words import Words


class NgramSets(NamedTuple):
    """The distinct n-grams of each text, sorted by hash within it."""

    first: NDArray[np.int64]
    """Where those of each text begin, and at the end their number (texts + 1)."""
    hashes: NDArray[np.uint64]
    weight: NDArray[np.float64]
    total: NDArray[np.float64]
    """By text, the sum of its weights."""
    size: int
    """Words of an n-gram. A text of fewer words has none."""


class Passages(NamedTuple):
    """What grew from seeds; arrays have an entry a passage."""

    document: NDArray[np.int64]
    variant: NDArray[np.int64]
    first_word: NDArray[np.int64]
    last_word: NDArray[np.int64]
    """Inclusive."""
    ngrams: NDArray[np.int64]
    """Distinct n-grams of the text in it."""
    overlap: NDArray[np.float64]
    """Their share of the text's n-grams, by weight; 0 of a text without any."""


def ngram_sets(
    words: Words, size: int, item: NDArray[np.int64], *, common_from: int | None = None
) -> NgramSets:
    """The n-grams of ``size`` words of each text; ``item`` numbers the texts' items.

    Weights are inverse document frequencies, ``log(1 + items / items with the n-gram)``: smoothed,
    or the n-gram of all items, and each of a benchmark of one item, would weigh nothing. One that
    ``common_from`` items have, or more, counts for nothing.
    """
    lengths = np.diff(words.first)
    every = windows_of(np.where(lengths >= size, size, 0), lengths)
    hashes = window_hashes(words.hashes, words.first[every.text] + every.position, size)
    order = np.lexsort((hashes, every.text))
    text, hashes = every.text[order], hashes[order]
    distinct = np.ones(len(text), np.bool_)
    distinct[1:] = (text[1:] != text[:-1]) | (hashes[1:] != hashes[:-1])
    text, hashes = text[distinct], hashes[distinct]
    frequency, items = _frequency(hashes, item[text])
    weight = np.log1p(items / frequency)
    if common_from is not None:
        weight[frequency >= common_from] = 0
    first = np.searchsorted(text, np.arange(len(lengths) + 1))
    total = np.bincount(text, weights=weight, minlength=len(lengths)).astype(np.float64)
    return NgramSets(first.astype(np.int64), hashes, weight, total, size)


def _frequency(
    hashes: NDArray[np.uint64], item: NDArray[np.int64]
) -> tuple[NDArray[np.int64], int]:
    """In how many items each hash is, and how many items there are."""
    order = np.lexsort((item, hashes))
    ordered, owners = hashes[order], item[order]
    another = np.ones(len(order), np.bool_)
    another[1:] = ordered[1:] != ordered[:-1]
    run = np.cumsum(another) - 1
    another[1:] |= owners[1:] != owners[:-1]
    frequency = np.empty(len(hashes), np.int64)
    frequency[order] = np.bincount(run, weights=another).astype(np.int64)[run]
    return frequency, len(np.unique(item))


def rolled(documents: Words, size: int) -> NDArray[np.uint64]:
    """The hash of ``size`` words from each word, 0 where the document ends before."""
    lengths = np.diff(documents.first)
    every = windows_of(np.where(lengths >= size, size, 0), lengths)
    starts = documents.first[every.text] + every.position
    result = np.zeros(len(documents.hashes), np.uint64)
    result[starts] = window_hashes(documents.hashes, starts, size)
    return result


def grown(
    documents: Words, hashes: NDArray[np.uint64], sets: NgramSets, seeds: NDArray[np.int64],
    misses: int,
) -> Passages:  # fmt: skip
    """The passages that grow from ``seeds`` (rows document, variant, word), sorted by their rows.

    ``hashes`` is `rolled` of the documents, of the sets' size.
    """
    result = np.empty((5, seeds.shape[1]), np.int64)
    overlap = np.empty(seeds.shape[1])
    count = _grow(documents.first, hashes, sets, seeds, misses, result, overlap)
    document, variant, first, last, ngrams = result[:, :count]
    return Passages(document, variant, first, last, ngrams, overlap[:count])


def overlaps(
    hashes: NDArray[np.uint64], sets: NgramSets, variant: NDArray[np.int64],
    starts: NDArray[np.int64], stops: NDArray[np.int64],
) -> NDArray[np.float64]:  # fmt: skip
    """Of each text the share of its n-grams (by weight) that begin in words ``starts:stops``."""
    return _overlaps(hashes, sets, variant, starts, stops)


@inlined
def _place_of(sets, variant, wanted):  # type: ignore[no-untyped-def]
    """Index of the text's n-gram with this hash, or -1."""
    low, high = sets.first[variant], sets.first[variant + 1]
    end = high
    while low < high:
        middle = (low + high) // 2
        if sets.hashes[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    if low < end and sets.hashes[low] == wanted:
        return low
    return -1


@jit
def _grow(first, hashes, sets, seeds, misses, result, overlap):  # type: ignore[no-untyped-def]
    count = 0
    seen = np.full(len(sets.hashes), -1, np.int64)
    for index in range(seeds.shape[1]):
        document, variant, place = seeds[0, index], seeds[1, index], seeds[2, index]
        same = count and result[0, count - 1] == document and result[1, count - 1] == variant
        if same and place <= result[3, count - 1]:
            continue
        begin, stop = first[document], first[document + 1] - sets.size + 1
        left, right = place, place - 1
        distinct, weight = 0, 0.0
        for step in (1, -1):
            at = place if step > 0 else place - 1
            missed = 0
            while begin <= at < stop and missed < misses:
                found = _place_of(sets, variant, hashes[at])
                if found < 0:
                    missed += 1
                else:
                    missed = 0
                    left, right = min(left, at), max(right, at)
                    if seen[found] != index:
                        seen[found] = index
                        distinct += 1
                        weight += sets.weight[found]
                at += step
        if not distinct:
            continue
        result[0, count] = document
        result[1, count] = variant
        result[2, count] = left
        result[3, count] = right + sets.size - 1
        result[4, count] = distinct
        overlap[count] = weight / sets.total[variant] if weight else 0.0
        count += 1
    return count


@jit
def _overlaps(hashes, sets, variant, starts, stops):  # type: ignore[no-untyped-def]
    seen = np.full(len(sets.hashes), -1, np.int64)
    result = np.zeros(len(variant))
    for index in range(len(variant)):
        text = variant[index]
        weight = 0.0
        for at in range(starts[index], stops[index]):
            found = _place_of(sets, text, hashes[at])
            if found >= 0 and seen[found] != index:
                seen[found] = index
                weight += sets.weight[found]
        if weight:
            result[index] = weight / sets.total[text]
    return result
