"""Seed and extend: benchmark items found in documents by word n-grams, then measured by LCS.

Three steps, each exact on what the one before lets through:

1. a rolling hash over windows of ``seed_words`` words finds the places where an item's window may
   stand;
2. there, every n-gram shared with an item is **verified letter by letter**, so that no hash
   collision can accuse a document;
3. matches of one item on nearby diagonals (word position in the document minus word position in
   the item, within half an item) are one occurrence; its longest common subsequence (LCS) with
   the item is taken in a window of twice the item's length around that diagonal.

The window bounds the work: it is linear in the document, however often the item recurs in it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.core.jit import jit
from midtrain_dagster.decontamination.normalise import Words

ROLLING_BASE = np.uint64(0x9E3779B97F4A7C15)
FILTER_BITS = 22


class Seeds(NamedTuple):
    """Windows of ``seed_words`` words of the items, sorted by hash."""

    hashes: NDArray[np.uint64]
    variant: NDArray[np.int64]
    position: NDArray[np.int64]
    """Word position in the variant at which the window starts."""
    needed: NDArray[np.int64]
    """Words that must agree for a match, per variant; 0 where the variant is too short to test."""
    present: NDArray[np.bool_]
    """Whether some seed has these low bits: spares most windows the binary search."""
    seed_words: int


class Occurrences(NamedTuple):
    """Where items (``variant``) occur in documents; arrays have one entry per occurrence."""

    document: NDArray[np.int64]
    variant: NDArray[np.int64]
    first_word: NDArray[np.int64]
    """First word of the first matching n-gram, counted over all documents' words."""
    last_word: NDArray[np.int64]
    """Last word (inclusive) of the last matching n-gram."""
    ngrams: NDArray[np.int64]
    """Distinct positions in the document at which an n-gram matches."""
    common: NDArray[np.int64]
    """Length of the longest common subsequence, in words."""
    shorter: NDArray[np.int64]
    """Words of the item or of the document, of the one that has fewer."""


def build_seeds(items: Words, ngram: int, shortest: int) -> Seeds:
    """Index the items: n-grams of those with ``ngram`` words, else the whole if ``shortest`` do."""
    lengths = np.diff(items.first)
    needed = np.where(lengths >= ngram, ngram, np.where(lengths >= shortest, lengths, 0))
    counts = np.where(needed > 0, lengths - needed + 1, 0)
    variant = np.repeat(np.arange(len(lengths)), counts)
    position = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    hashes = _window_hashes(items.hashes, items.first[variant] + position, shortest)
    order = np.lexsort((position, variant, hashes))
    present = np.zeros(1 << FILTER_BITS, np.bool_)
    present[(hashes & np.uint64(len(present) - 1)).astype(np.int64)] = True
    return Seeds(hashes[order], variant[order], position[order], needed, present, shortest)


def find_occurrences(documents: Words, items: Words, seeds: Seeds) -> Occurrences:
    """Every occurrence of an item in a document, measured; see the module's docstring."""
    matches = match_ngrams(documents, items, seeds)
    result = np.empty((len(Occurrences._fields), matches.shape[1]), np.int64)
    count = _extend(documents, items, seeds.needed, matches, result)
    return Occurrences(*result[:, :count])


def match_ngrams(documents: Words, items: Words, seeds: Seeds) -> NDArray[np.int64]:
    """Verified matches, as rows of 4: document, variant, document's word, position in the variant.

    Sorted by document, variant and diagonal. Words of documents are counted over all documents.
    """
    matches = np.empty((4, 0), np.int64)
    count = _match(documents, items, seeds, matches)
    if count:
        matches = np.empty((4, count), np.int64)
        _match(documents, items, seeds, matches)
    document, variant, place, position = matches
    return matches[:, np.lexsort((place, place - position, variant, document))]


@jit
def _window_hashes(hashes, starts, size):  # type: ignore[no-untyped-def]
    result = np.empty(len(starts), np.uint64)
    for index in range(len(starts)):
        rolling = np.uint64(0)
        for word in hashes[starts[index] : starts[index] + size]:
            rolling = rolling * ROLLING_BASE + word
        result[index] = rolling
    return result


@jit
def _first_seed(seeds, rolling):  # type: ignore[no-untyped-def]
    """Index of the first seed with this hash, or -1."""
    if not seeds.present[np.int64(rolling & np.uint64(len(seeds.present) - 1))]:
        return -1
    index = np.searchsorted(seeds.hashes, rolling)
    if index < len(seeds.hashes) and seeds.hashes[index] == rolling:
        return index
    return -1


@jit
def _same_word(documents, place, items, position):  # type: ignore[no-untyped-def]
    if documents.hashes[place] != items.hashes[position]:
        return False
    left = documents.letters_stop[place - 1] if place else 0
    right = items.letters_stop[position - 1] if position else 0
    length = documents.letters_stop[place] - left
    if items.letters_stop[position] - right != length:
        return False
    for index in range(length):
        if documents.letters[left + index] != items.letters[right + index]:
            return False
    return True


@jit
def _match(documents, items, seeds, matches):  # type: ignore[no-untyped-def]
    """Count the matches, and write them where ``matches`` has room."""
    total = 0
    size = seeds.seed_words
    leaving = np.uint64(1)
    for _ in range(size):
        leaving *= ROLLING_BASE
    for document in range(len(documents.first) - 1):
        begin = documents.first[document]
        stop = documents.first[document + 1]
        rolling = np.uint64(0)
        for last in range(begin, stop):
            rolling = rolling * ROLLING_BASE + documents.hashes[last]
            place = last - size + 1
            if place > begin:
                rolling -= documents.hashes[place - 1] * leaving
            if place < begin:
                continue
            seed = _first_seed(seeds, rolling)
            if seed < 0:
                continue
            while seed < len(seeds.hashes) and seeds.hashes[seed] == rolling:
                variant = seeds.variant[seed]
                position = seeds.position[seed]
                start = items.first[variant] + position
                needed = seeds.needed[variant]
                agreed = 0
                if place + needed <= stop:
                    while agreed < needed and _same_word(
                        documents, place + agreed, items, start + agreed
                    ):
                        agreed += 1
                if agreed == needed:
                    if total < matches.shape[1]:
                        matches[0, total] = document
                        matches[1, total] = variant
                        matches[2, total] = place
                        matches[3, total] = position
                    total += 1
                seed += 1
    return total


@jit
def common_words(documents, start, stop, items, variant):  # type: ignore[no-untyped-def]
    """LCS in words of documents' words ``start:stop`` and an item (the usual table, row by row)."""
    item_start = items.first[variant]
    row = np.zeros(items.first[variant + 1] - item_start + 1, np.int64)
    for place in range(start, stop):
        diagonal = 0
        for index in range(1, len(row)):
            above = row[index]
            if _same_word(documents, place, items, item_start + index - 1):
                row[index] = diagonal + 1
            elif row[index - 1] > above:
                row[index] = row[index - 1]
            diagonal = above
    return row[-1]


@jit
def _extend(documents, items, needed, matches, result):  # type: ignore[no-untyped-def]
    """Join sorted matches into occurrences, the columns of ``result``; returns their number."""
    document, variant, place, position = matches
    count = 0
    begin = 0
    while begin < len(document):
        item = variant[begin]
        length = items.first[item + 1] - items.first[item]
        diagonal = place[begin] - position[begin]
        end = begin + 1
        while (
            end < len(document)
            and document[end] == document[begin]
            and variant[end] == item
            and place[end] - position[end] - diagonal <= length // 2
        ):
            end += 1
        places = np.sort(place[begin:end])
        distinct = 1
        for index in range(1, len(places)):
            distinct += np.int64(places[index] != places[index - 1])
        document_start = documents.first[document[begin]]
        document_stop = documents.first[document[begin] + 1]
        start = max(document_start, diagonal - length // 2)
        stop = min(document_stop, diagonal + length + length // 2)
        result[0, count] = document[begin]
        result[1, count] = item
        result[2, count] = places[0]
        result[3, count] = places[-1] + needed[item] - 1
        result[4, count] = distinct
        result[5, count] = common_words(documents, start, stop, items, item)
        result[6, count] = min(length, document_stop - document_start)
        count += 1
        begin = end
    return count
