"""The share of a document's words that stand in the word lists of its language.

Words are `words.split`'s, of the text in compatibility forms (NFKC) and lower case. From left to
right, the longest entry that begins at a word is taken, all of its words count, and the search goes
on behind it. Signs between the words of a phrase do not matter: ``ball, gag`` is one too.

A document whose language has no list, or is not known, has a share of 0: nothing was looked for.
`midtrain check` tells for which languages that is so. What a list finds is words, not what is meant
by them: a glossary of anatomy is full of them, and abuse in polite words has none. A word that is
spelt with other signs, inflected, or written within a longer one is another word.

Entries lie in a hash table of their beginnings, so a word that begins none costs one look, and a
text of N words at most N times the longest entry's. The version of what is found is that of
`word_lists`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text, chunks, text_buffer
from midtrain_dagster.curation.signals.word_lists import Entries
from midtrain_dagster.curation.text.words import split

CHUNK_BYTES = 1_000_000

_ENDS, _GOES_ON = np.uint8(1), np.uint8(2)


def shares(
    texts: pl.Series, languages: pl.Series, entries: Entries, names: Sequence[str]
) -> dict[str, np.ndarray]:
    """The signals of those names (``CATEGORY_word_ratio``): float64, a value for each text.

    ``languages`` has the code of each text's language, null where it is not known. No text may be
    null (ValueError).
    """
    tables = {name: _table(entries.get(name.removesuffix("_word_ratio"), {})) for name in names}
    found = {name: np.zeros(texts.len()) for name in names}
    for start, chunk in chunks(texts, CHUNK_BYTES):
        rows = slice(start, start + chunk.len())
        words = split(text_buffer(normal_texts(chunk)))
        count = np.maximum(np.diff(words.offsets), 1)
        for name, (numbers, *table) in tables.items():
            spoken = languages[rows].replace_strict(numbers, default=-1, return_dtype=pl.Int64)
            listed = _count(words.offsets, words.hashes, spoken.fill_null(-1).to_numpy(), *table)
            found[name][rows] = listed / count
    return found


def normal_texts(texts: pl.Series) -> pl.Series:
    """Texts as entries are compared with them (`word_lists.normal`)."""
    return texts.str.normalize("NFKC").str.to_lowercase()


def _table(lists: Mapping[str, tuple[str, ...]]) -> tuple[dict[str, int], np.ndarray, np.ndarray]:
    """The number of each language, and a hash table of the beginnings of all entries: keys
    (uint64) and whether an entry ends there or goes on (uint8, 0 in free places)."""
    numbers = {language: number for number, language in enumerate(sorted(lists))}
    listed = [(number, entry) for language, number in numbers.items() for entry in lists[language]]
    words = split(_as_text([entry for _, entry in listed]))
    room = 2
    while room < 2 * (words.hashes.size + 1):
        room *= 2
    keys, flags = np.zeros(room, np.uint64), np.zeros(room, np.uint8)
    spoken = np.array([number for number, _ in listed], np.int64)
    _insert(words.offsets, words.hashes, spoken, keys, flags)
    return numbers, keys, flags


def _as_text(entries: list[str]) -> Text:
    return text_buffer(normal_texts(pl.Series(entries, dtype=pl.String)))


@inlined
def _step(state, word):  # type: ignore[no-untyped-def]
    """The key of a beginning with one more word."""
    mixed = (state ^ word) * np.uint64(0x9E3779B97F4A7C15)
    return mixed ^ (mixed >> np.uint64(29))


@inlined
def _slot(key, keys, flags):  # type: ignore[no-untyped-def]
    """Where a key stands, or the free place where it would."""
    mask = np.uint64(keys.size - 1)
    slot = (key ^ (key >> np.uint64(32))) & mask
    while flags[slot] and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return slot


@jit
def _insert(offsets, hashes, languages, keys, flags):  # type: ignore[no-untyped-def]
    for entry in range(languages.size):
        state = np.uint64(languages[entry] + 1)
        for word in range(offsets[entry], offsets[entry + 1]):
            state = _step(state, hashes[word])
            slot = _slot(state, keys, flags)
            keys[slot] = state
            flags[slot] |= _ENDS if word + 1 == offsets[entry + 1] else _GOES_ON


@jit
def _count(offsets, hashes, languages, keys, flags):  # type: ignore[no-untyped-def]
    """How many words of each document stand in an entry of its language: int64."""
    counts = np.zeros(languages.size, np.int64)
    for document in range(languages.size):
        if languages[document] < 0:
            continue
        word, end = offsets[document], offsets[document + 1]
        while word < end:
            state, longest = np.uint64(languages[document] + 1), 0
            for place in range(word, end):
                state = _step(state, hashes[place])
                found = flags[_slot(state, keys, flags)]
                if found & _ENDS:
                    longest = place + 1 - word
                if not found & _GOES_ON:
                    break
            counts[document] += longest
            word += max(longest, 1)
    return counts
