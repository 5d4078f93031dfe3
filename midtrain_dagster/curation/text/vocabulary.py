"""The different words of each document, numbered in the order of their first occurrence.

What is asked of a document's words is asked of its different words once, and n-grams are compared
by these numbers (`repetition`), so that each word's hash is looked up a single time.
"""

from typing import NamedTuple

import numpy as np

from midtrain_dagster.core.jit import jit
from midtrain_dagster.curation.text.words import Words


class Vocabulary(NamedTuple):
    """All different words of some documents: document ``i`` has ``offsets[i]:offsets[i + 1]``."""

    offsets: np.ndarray
    """int64, one more than there are documents."""
    firsts: np.ndarray
    """int64, where among the words each different word occurs first."""
    counts: np.ndarray
    """int32, how often it occurs in its document."""
    numbers: np.ndarray
    """int32, for every word (not only the different ones) its number within its document."""


def find(words: Words) -> Vocabulary:
    """Number each document's different words; hashes that are equal are the same word."""
    return Vocabulary(*_find(words.offsets, words.hashes))


def entropy(vocabulary: Vocabulary) -> np.ndarray:
    """The entropy of each document's distribution of words, in bits; 0 of a text without words."""
    return _entropy(vocabulary.offsets, vocabulary.counts)


@jit
def _find(offsets, hashes):  # type: ignore[no-untyped-def]
    documents = offsets.size - 1
    longest = 1
    for document in range(documents):
        longest = max(longest, offsets[document + 1] - offsets[document])
    room = 2
    while room < 2 * longest:
        room *= 2
    table = np.full(room, -1, np.int32)
    distinct = np.zeros(documents + 1, np.int64)
    firsts = np.empty(hashes.size, np.int64)
    counts = np.empty(hashes.size, np.int32)
    numbers = np.empty(hashes.size, np.int32)
    found = 0
    for document in range(documents):
        first, behind = offsets[document], offsets[document + 1]
        bits = 1
        while (1 << bits) < 2 * (behind - first):
            bits += 1
        mask = (1 << bits) - 1
        table[: mask + 1] = -1
        base = found
        for word in range(first, behind):
            key = hashes[word]
            slot = np.int64(key >> np.uint64(64 - bits))
            number = table[slot]
            while number >= 0 and hashes[firsts[base + number]] != key:
                slot = (slot + 1) & mask
                number = table[slot]
            if number < 0:
                number = np.int32(found - base)
                table[slot] = number
                firsts[found] = word
                counts[found] = 0
                found += 1
            counts[base + number] += 1
            numbers[word] = number
        distinct[document + 1] = found
    return distinct, firsts[:found], counts[:found], numbers


@jit
def _entropy(offsets, counts):  # type: ignore[no-untyped-def]
    bits = np.zeros(offsets.size - 1)
    for document in range(bits.size):
        total, weighted = 0, 0.0
        for word in range(offsets[document], offsets[document + 1]):
            total += counts[word]
            if counts[word] > 1:
                weighted += counts[word] * np.log2(counts[word])
        if total:
            bits[document] = max(np.log2(total) - weighted / total, 0.0)
    return bits
