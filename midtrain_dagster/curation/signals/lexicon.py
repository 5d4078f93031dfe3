"""How many of a document's words are Gopher's stop words, and how many are obscene.

Words are looked up by their hash, each different word of a document once, in a table of all the
spellings by case that are looked for: so nothing is lowered and no string is compared.

Gopher's stop words (Rae et al. 2021, arXiv 2112.11446, A1.1) count in any case here, as in DCLM;
datatrove knows them in lower case only.
"""

from functools import cache
from itertools import product

import numpy as np
import polars as pl

from midtrain_dagster.core.jit import jit
from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.signals.profanity import OBSCENE_WORDS
from midtrain_dagster.curation.text.vocabulary import Vocabulary
from midtrain_dagster.curation.text.words import Words, split

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")

COUNTS = ("stop_words", "lower_stop_words", "stop_word_count", "obscene_words")
"""The columns of what `count` gives: different stop words in any case, and in lower case; how often
stop words occur; how often obscene words do."""

_LOWER, _OBSCENE, _STOP = 8, 16, 32
_BITS = 14


def count(words: Words, vocabulary: Vocabulary) -> np.ndarray:
    """Count each document's words of the lexicon: int64 of shape (documents, len(COUNTS))."""
    return _count(
        words.hashes, vocabulary.offsets, vocabulary.firsts, vocabulary.counts, *_lexicon()
    )


@cache
def _lexicon() -> tuple[np.ndarray, np.ndarray]:
    """A hash table of open addressing: hashes, and what the word is (0 in free places).

    The value of a stop word is _STOP plus its number, plus _LOWER in lower case.
    """
    entries = {}
    for number, word in enumerate(STOP_WORDS):
        for letters in product(*((letter, letter.upper()) for letter in word)):
            spelt = "".join(letters)
            entries[spelt] = _STOP + number + _LOWER * (spelt == word)
    for word in OBSCENE_WORDS:
        entries |= dict.fromkeys((word, word.capitalize(), word.upper()), _OBSCENE)
    keys, values = np.zeros(1 << _BITS, np.uint64), np.zeros(1 << _BITS, np.uint8)
    hashes = split(text_buffer(pl.Series(list(entries)))).hashes.tolist()
    for key, value in zip(hashes, entries.values(), strict=True):
        slot = key >> (64 - _BITS)
        while values[slot]:
            slot = (slot + 1) % keys.size
        keys[slot], values[slot] = key, value
    return keys, values


@jit
def _count(hashes, offsets, firsts, often, keys, values):  # type: ignore[no-untyped-def]
    documents = offsets.size - 1
    counts = np.zeros((documents, 4), np.int64)
    for document in range(documents):
        stops, lower = 0, 0
        for word in range(offsets[document], offsets[document + 1]):
            key = hashes[firsts[word]]
            slot = np.int64(key >> np.uint64(64 - _BITS))
            while values[slot] and keys[slot] != key:
                slot = (slot + 1) % keys.size
            value = values[slot]
            if value == 0:
                continue
            if value & _OBSCENE:
                counts[document, 3] += often[word]
                continue
            bit = 1 << (value & 7)
            stops |= bit
            if value & _LOWER:
                lower |= bit
            counts[document, 2] += often[word]
        for bit in range(8):
            counts[document, 0] += (stops >> bit) & 1
            counts[document, 1] += (lower >> bit) & 1
    return counts
