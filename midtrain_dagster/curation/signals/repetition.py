"""How much of a document is repeated n-grams of words.

The measures of Gopher (Rae et al. 2021, arXiv 2112.11446, table A1), in the readings of its
reproductions, whose thresholds are the same:

- the most frequent n-gram, for n of 2 to 4. Ours is DCLM's: it occurs at least twice, and among
  equally frequent ones the longest counts; its words count as joined by spaces (DCLM: not).
  datatrove takes the first of equally frequent ones, also if nothing occurs twice, so that the
  first bigram of a short text without any repetition has a share too.
- the characters in repeated n-grams, for n of 5 to 10. Ours is datatrove's, which FineWeb used:
  n-grams are scanned from left to right, one that occurred before is stepped over whole, so no
  character counts twice, and first occurrences do not count. DCLM counts every word that lies in
  any n-gram of two or more occurrences, the first included, which about doubles a share.

An n-gram can be repeated only where both (n-1)-grams in it are. So each n is looked up only at the
places that were repeated for n - 1, which in good text are soon none, and n-grams are known by
exact numbers, not by hashes. datatrove joins the words of the longer n-grams without a separator,
so that ``ab c`` repeats ``a bc`` there; here it does not.
"""

from typing import NamedTuple

import numpy as np

from midtrain_dagster.core.jit import jit
from midtrain_dagster.curation.text.vocabulary import Vocabulary

TOP = (2, 3, 4)
DUPLICATE = (5, 6, 7, 8, 9, 10)


class Repetition(NamedTuple):
    """Characters, int64: a row for each document, a column for each n of TOP or DUPLICATE."""

    top: np.ndarray
    """In all occurrences of the most frequent n-gram, words joined by a space."""
    top_words: np.ndarray
    """Likewise, without the spaces."""
    top_datatrove: np.ndarray
    """Likewise with spaces, in datatrove's reading."""
    duplicate: np.ndarray
    """Of words, in n-grams that occurred before."""
    repeated: np.ndarray
    """Of words, in n-grams that occur more than once."""


def count(offsets: np.ndarray, characters: np.ndarray, vocabulary: Vocabulary) -> Repetition:
    """Count each document's repeated n-grams of words.

    ``offsets`` and ``characters`` are those of the words, ``vocabulary`` their numbers.
    """
    return Repetition(
        *_count(offsets, characters, vocabulary.offsets, vocabulary.counts, vocabulary.numbers)
    )


@jit
def _count(  # type: ignore[no-untyped-def]  # noqa: PLR0912, PLR0915
    offsets, characters, distinct_offsets, word_counts, word_numbers
):
    documents = offsets.size - 1
    top = np.zeros((documents, 3), np.int64)
    top_words = np.zeros((documents, 3), np.int64)
    top_datatrove = np.zeros((documents, 3), np.int64)
    duplicate = np.zeros((documents, 6), np.int64)
    repeated = np.zeros((documents, 6), np.int64)
    longest = 1
    for document in range(documents):
        longest = max(longest, offsets[document + 1] - offsets[document])
    room = 2
    while room < 2 * longest:
        room *= 2
    keys = np.empty(room, np.int64)
    table = np.full(room, -1, np.int32)
    places = np.empty(longest, np.int32)  # where the n-grams start that may be repeated
    grams = np.empty(longest, np.int32)  # the number of the n-gram at each place
    counts = np.empty(longest, np.int32)
    seen = np.empty(longest, np.bool_)
    length = np.zeros(longest + 1, np.int64)
    for document in range(documents):
        first = offsets[document]
        size = offsets[document + 1] - first
        numbers = word_numbers[first : first + size]
        base = distinct_offsets[document]
        for word in range(size):
            length[word + 1] = length[word] + characters[first + word]
        for n in range(2, 5):
            if size >= n:
                top_datatrove[document, n - 2] = length[n] + n - 1

        active = 0
        for word in range(size - 1):
            if word_counts[base + numbers[word]] > 1 and word_counts[base + numbers[word + 1]] > 1:
                places[active] = word
                grams[active] = numbers[word]
                active += 1
        for n in range(2, 11):
            if active < 2:
                break
            bits = 1
            while (1 << bits) < 2 * active:
                bits += 1
            mask = (1 << bits) - 1
            table[: mask + 1] = -1
            found = 0
            best, best_length, best_first, best_first_length = 1, 0, 0, 0
            for index in range(active):
                place = places[index]
                key = (np.int64(grams[index]) << 32) | np.int64(numbers[place + n - 1])
                mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
                slot = np.int64(mixed >> np.uint64(64 - bits))
                while table[slot] >= 0 and keys[slot] != key:
                    slot = (slot + 1) & mask
                number = table[slot]
                if number < 0:
                    table[slot] = found
                    keys[slot] = key
                    grams[index] = found
                    counts[found] = 1
                    found += 1
                    continue
                counts[number] += 1
                grams[index] = number
                often = counts[number]
                if n > 4 or often < best or often == 1:
                    continue
                here = length[place + n] - length[place]
                if often > best:
                    best, best_length = often, here
                    best_first, best_first_length = number, here
                else:
                    best_length = max(best_length, here)
                    if number < best_first:
                        best_first, best_first_length = number, here
            if n < 5 and best > 1:
                top[document, n - 2] = best * (best_length + n - 1)
                top_words[document, n - 2] = best * best_length
                top_datatrove[document, n - 2] = best * (best_first_length + n - 1)
            if n > 4:
                seen[:found] = False
                behind, covered = 0, 0
                for index in range(active):
                    place, number = places[index], grams[index]
                    if place >= behind:
                        if seen[number]:
                            duplicate[document, n - 5] += length[place + n] - length[place]
                            behind = place + n
                        else:
                            seen[number] = True
                    if counts[number] > 1:
                        covered = max(covered, place)
                        repeated[document, n - 5] += length[place + n] - length[covered]
                        covered = place + n
            kept = 0
            for index in range(active - 1):
                place = places[index]
                if (
                    counts[grams[index]] > 1
                    and places[index + 1] == place + 1
                    and counts[grams[index + 1]] > 1
                ):
                    places[kept] = place
                    grams[kept] = grams[index]
                    kept += 1
            active = kept
    return top, top_words, top_datatrove, duplicate, repeated
