"""How many words of a text stand in n-grams that a document holds: what several presets measure.

Llama-3, Tulu-3, phi-4 and GPT-3 all ask which words of an item lie in n-grams of the training text,
wherever in the document those stand; they differ in n, in the share that convicts, and in what is
done then. Matches are those of `ngram.match_ngrams`, verified letter by letter.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.core.jit import jit
from midtrain_dagster.decontamination.method import Found, guilty_of
from midtrain_dagster.decontamination.words import Words


class Covered(NamedTuple):
    """What documents cover of texts; arrays have an entry a document and text, or a run of it."""

    document: NDArray[np.int64]
    variant: NDArray[np.int64]
    first_word: NDArray[np.int64]
    """First word of the first match, counted over all documents' words."""
    last_word: NDArray[np.int64]
    """Last word (inclusive) of the last match."""
    ngrams: NDArray[np.int64]
    """Distinct n-grams of the text, by position, that match."""
    words: NDArray[np.int64]
    """Words of the text that lie in one of them."""
    places: NDArray[np.int64]
    """Distinct places in the document at which one begins."""


def covered(
    items: Words, matches: NDArray[np.int64], *, gap: int | None = None
) -> tuple[Covered, NDArray[np.bool_]]:
    """What each document covers of each text, from the rows of `ngram.match_ngrams`.

    Matches further apart than ``gap`` words are occurrences of their own; None: a document is one.
    Also returns of each word of the texts whether any document covers it.
    """
    document, variant, place, position, _ = matches
    order = np.lexsort((position, place, variant, document))
    table = matches[:, order]
    result = np.empty((len(Covered._fields), matches.shape[1]), np.int64)
    anywhere = np.zeros(len(items.hashes), np.bool_)
    apart = np.iinfo(np.int64).max if gap is None else gap
    count = _cover(items.first, table, apart, result, anywhere)
    return Covered(*result[:, :count]), anywhere


def as_found(found: Covered, score: NDArray[np.float64], guilty: NDArray[np.bool_]) -> Found:
    """The occurrences that are guilty, as every method gives them."""
    return guilty_of(found, guilty, score=score, common=found.words)


@jit
def _cover(first, table, gap, result, anywhere):  # type: ignore[no-untyped-def]
    count = 0
    begin = 0
    window = np.full(len(anywhere), -1, np.int64)
    word = np.full(len(anywhere), -1, np.int64)
    while begin < table.shape[1]:
        end = begin
        reach = table[2, begin]
        ngrams = words = places = 0
        last = -1
        while (
            end < table.shape[1]
            and table[0, end] == table[0, begin]
            and table[1, end] == table[1, begin]
            and table[2, end] - reach <= gap
        ):
            places += table[2, end] != last
            last = table[2, end]
            start = first[table[1, end]] + table[3, end]
            if window[start] != begin:
                window[start] = begin
                ngrams += 1
                for at in range(start, start + table[4, end]):
                    if word[at] != begin:
                        word[at] = begin
                        anywhere[at] = True
                        words += 1
            reach = max(reach, table[2, end] + table[4, end] - 1)
            end += 1
        result[0, count] = table[0, begin]
        result[1, count] = table[1, begin]
        result[2, count] = table[2, begin]
        result[3, count] = reach
        result[4, count] = ngrams
        result[5, count] = words
        result[6, count] = places
        count += 1
        begin = end
    return count


def longest_runs(matches: NDArray[np.int64], found: Covered) -> NDArray[np.int64]:
    """Of each document and text the most words that agree in a row.

    ``found`` are the documents as wholes, of the same rows of `ngram.match_ngrams`, whose n-grams
    are of one size.
    """
    document, variant, place, position, size = matches
    order = np.lexsort((place, place - position, variant, document))
    key, diagonal = np.stack([document, variant])[:, order], (place - position)[order]
    at, words = place[order], size[order]
    if not len(at):
        return np.zeros(0, np.int64)
    follows = np.zeros(len(at), np.bool_)
    follows[1:] = (np.diff(key) == 0).all(axis=0) & (np.diff(diagonal) == 0) & (np.diff(at) == 1)
    run = np.cumsum(~follows) - 1
    start = np.flatnonzero(~follows)
    length = np.bincount(run) - 1 + words[start]
    whole = np.zeros(len(start), np.bool_)
    whole[0] = True
    whole[1:] = (np.diff(key[:, start]) != 0).any(axis=0)
    return np.maximum.reduceat(length, np.flatnonzero(whole))
