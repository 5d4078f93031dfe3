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

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.decontamination.templates import Windows, window_hashes
from midtrain_dagster.decontamination.words import Words

ROLLING_BASE = np.uint64(0x9E3779B97F4A7C15)
FILTER_BITS_A_SEED = 32


class Seeds(NamedTuple):
    """Windows of ``seed_words`` words of the items' texts, sorted by hash."""

    hashes: NDArray[np.uint64]
    variant: NDArray[np.int64]
    """The text, counted over all items."""
    position: NDArray[np.int64]
    """Word position in the text at which the window starts."""
    needed: NDArray[np.int64]
    """Words that must agree for a match, per window."""
    own: NDArray[np.bool_]
    """Of each word of the texts whether it counts as evidence by itself."""
    filter: NDArray[np.uint64]
    """A bit for each value of a hash's low bits that some seed has: spares most windows the binary
    search."""
    seed_words: int


class Occurrences(NamedTuple):
    """Where texts of items (``variant``) occur in documents; arrays have an entry an occurrence."""

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
    """Words of the text or of the document, of the one that has fewer."""
    common_own: NDArray[np.int64]
    """As ``common``, of the text's own words alone; equal to it where all are its own, or none."""
    shorter_own: NDArray[np.int64]


def build_seeds(items: Words, windows: Windows, own: NDArray[np.bool_], seed_words: int) -> Seeds:
    """Index the windows by their first ``seed_words`` words."""
    hashes = window_hashes(items.hashes, items.first[windows.text] + windows.position, seed_words)
    order = np.argsort(hashes)
    return Seeds(
        hashes[order],
        windows.text[order],
        windows.position[order],
        windows.size[order],
        own,
        _filter(hashes, max(16, (FILTER_BITS_A_SEED * len(hashes)).bit_length())),
        seed_words,
    )


def find_occurrences(documents: Words, items: Words, seeds: Seeds) -> Occurrences:
    """Every occurrence of an item in a document, measured; see the module's docstring."""
    matches = match_ngrams(documents, items, seeds)
    result = np.empty((len(Occurrences._fields), matches.shape[1]), np.int64)
    count = _extend(documents, items, seeds.own, matches, result)
    return Occurrences(*result[:, :count])


def match_ngrams(documents: Words, items: Words, seeds: Seeds) -> NDArray[np.int64]:
    """Verified matches, as rows of 5: document, variant, document's word, position in the variant,
    words that agree.

    Sorted by document, variant and diagonal. Words of documents are counted over all documents.
    """
    matches = np.empty((5, 0), np.int64)
    count = _match(documents, items, seeds, matches)
    if count:
        matches = np.empty((5, count), np.int64)
        _match(documents, items, seeds, matches)
    document, variant, place, position, _ = matches
    return matches[:, np.lexsort((place, place - position, variant, document))]


@jit
def _filter(hashes, bits):  # type: ignore[no-untyped-def]
    filter = np.zeros(1 << (bits - 6), np.uint64)
    for index in range(len(hashes)):
        low = hashes[index] & np.uint64((1 << bits) - 1)
        filter[low >> np.uint64(6)] |= np.uint64(1) << (low & np.uint64(63))
    return filter


@inlined
def _may_be_seed(filter, rolling):  # type: ignore[no-untyped-def]
    low = rolling & np.uint64(64 * len(filter) - 1)
    return filter[low >> np.uint64(6)] >> (low & np.uint64(63)) & np.uint64(1)


@jit
def _first_seed(seeds, rolling):  # type: ignore[no-untyped-def]
    """Index of the first seed with this hash, or -1."""
    index = np.searchsorted(seeds.hashes, rolling)
    if index < len(seeds.hashes) and seeds.hashes[index] == rolling:
        return index
    return -1


@inlined
def _same_word(documents, place, items, position):  # type: ignore[no-untyped-def]
    """Whether the letters are the same, and the accents, unless one of the two has none."""
    if documents.hashes[place] != items.hashes[position]:
        return False
    left, right = documents.start[place], items.start[position]
    length = documents.stop[place] - left
    if items.stop[position] - right != length:
        return False
    for index in range(length):
        if documents.letters[left + index] != items.letters[right + index]:
            return False
    ours, theirs = documents.accents[place], items.accents[position]
    return ours == theirs or not ours or not theirs


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
            if place < begin or not _may_be_seed(seeds.filter, rolling):
                continue
            seed = _first_seed(seeds, rolling)
            if seed < 0:
                continue
            while seed < len(seeds.hashes) and seeds.hashes[seed] == rolling:
                variant = seeds.variant[seed]
                position = seeds.position[seed]
                start = items.first[variant] + position
                needed = seeds.needed[seed]
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
                        matches[4, total] = needed
                    total += 1
                seed += 1
    return total


@jit
def common_words(documents, start, stop, items, variant, own):  # type: ignore[no-untyped-def]
    """LCS in words of documents' words ``start:stop`` and a text (the usual table, row by row).

    Words of the text outside ``own`` (of all items' words) are passed over.
    """
    item_start = items.first[variant]
    row = np.zeros(items.first[variant + 1] - item_start + 1, np.int64)
    for place in range(start, stop):
        diagonal = 0
        for index in range(1, len(row)):
            above = row[index]
            position = item_start + index - 1
            if own[position] and _same_word(documents, place, items, position):
                row[index] = diagonal + 1
            elif row[index - 1] > above:
                row[index] = row[index - 1]
            diagonal = above
    return row[-1]


@jit
def _extend(documents, items, own, matches, result):  # type: ignore[no-untyped-def]
    """Join sorted matches into occurrences, the columns of ``result``; returns their number."""
    document, variant, place, position, needed = matches
    every = np.ones(len(own), np.bool_)
    count = 0
    begin = 0
    while begin < len(document):
        item = variant[begin]
        item_start, item_stop = items.first[item], items.first[item + 1]
        length = item_stop - item_start
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
        result[3, count] = places[-1] + needed[begin] - 1
        result[4, count] = distinct
        result[5, count] = common_words(documents, start, stop, items, item, every)
        result[6, count] = min(length, document_stop - document_start)
        own_length = own[item_start:item_stop].sum()
        result[7:9, count] = result[5:7, count]
        if 0 < own_length < length:
            result[7, count] = common_words(documents, start, stop, items, item, own)
            result[8, count] = min(own_length, document_stop - document_start)
        count += 1
        begin = end
    return count
