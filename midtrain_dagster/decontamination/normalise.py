"""Text as words that survive copying: case, punctuation, white space and accents do not count.

Qwen2.5-Math (arXiv 2409.12122, section 2.3) normalises before it matches n-grams, "eliminating
irrelevant punctuation and symbols", without giving the rule. Ours, one character at a time:

- letters and digits make words, folded to lower case and to the base letter of their Unicode
  compatibility form (an accented, bold or full-width ``E`` is ``e``);
- combining marks and apostrophes, straight or curly, vanish (``don't`` is ``dont``);
- every ideograph and kana is a word of its own, since those scripts do not part their words;
- everything else parts words.

**Digits stay as they are.** datatrove folds every number to one symbol, which makes any two
exercises with the same wording equal, and that breaks mathematics. The price of dropping symbols
is paid there too: ``x + 1`` and ``x - 1`` are the same two words, which is why one n-gram alone
never convicts a document (see ``scan``).
"""

import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.core.jit import jit

SEPARATOR = 0
IGNORED = -1
WHOLE_WORD = 1 << 24
"""Added to the folded character where the character is a word of its own."""

IDEOGRAPHIC_PLANES = 0x20000, 0x40000
"""Planes 2 and 3 hold rare ideographs only; above them are no letters."""

APOSTROPHES = "'\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}"
HASH_PRIME = np.uint64(0x100000001B3)
HASH_START = np.uint64(0xCBF29CE484222325)


class Words(NamedTuple):
    """The words of many documents, one after another: an entry a word, if nothing else is said."""

    first: NDArray[np.int64]
    """Index of each document's first word, and at the end the number of words (documents + 1)."""
    hashes: NDArray[np.uint64]
    start: NDArray[np.int64]
    """Byte offset of the word in the buffer."""
    stop: NDArray[np.int64]
    letters: NDArray[np.int32]
    """Folded characters of all words, an entry a character: what verifies a hash."""
    letters_stop: NDArray[np.int64]
    """Where each word's characters end in ``letters``; they begin where the previous word's end."""


@lru_cache(maxsize=1)
def folding() -> NDArray[np.int32]:
    """What the code points of planes 0 and 1 become: their class or their folded character."""
    table = np.zeros(IDEOGRAPHIC_PLANES[0], np.int32)
    for point in range(len(table)):
        character = chr(point)
        if character.isalnum():
            table[point] = _fold(character)
        elif unicodedata.category(character) == "Mn" or character in APOSTROPHES:
            table[point] = IGNORED
    return table


def _fold(character: str) -> int:
    decomposed = unicodedata.normalize("NFKD", character)
    base = "".join(c for c in decomposed if unicodedata.category(c) != "Mn")
    if len(base) != 1 or not base.isalnum():
        base = character
    lower = base.lower()
    folded = ord(lower if len(lower) == 1 else base)
    name = unicodedata.name(chr(folded), "")
    if name.startswith(("CJK ", "HIRAGANA ", "KATAKANA ")):
        return folded | WHOLE_WORD
    return folded


def find_words(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Words:
    """Words of the documents whose UTF-8 text is ``data[offsets[i]:offsets[i + 1]]``.

    Takes up to 20 bytes of memory for a byte of text, so give it a large table in pieces.
    """
    size = int(offsets[-1] - offsets[0])
    most = size // 2 + len(offsets)  # a word takes two bytes, but for a document's last one
    room = Words(
        np.empty(len(offsets), np.int64),
        np.empty(most, np.uint64),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(size, np.int32),
        np.empty(most, np.int64),
    )
    words, letters = _find_words(data, offsets, folding(), room)
    return Words(
        room.first,
        room.hashes[:words],
        room.start[:words],
        room.stop[:words],
        room.letters[:letters],
        room.letters_stop[:words],
    )


@jit
def _find_words(data, offsets, table, room):  # type: ignore[no-untyped-def]
    first, hashes, start, stop, letters, letters_stop = room
    words = 0
    characters = 0
    for document in range(len(offsets) - 1):
        first[document] = words
        position = offsets[document]
        end = offsets[document + 1]
        inside = False
        while position < end:
            here = position
            point = np.int64(data[position])
            position += 1
            if point >= 0x80:
                following = 1 if point < 0xE0 else 2 if point < 0xF0 else 3
                point &= 0x3F >> following
                for _ in range(following):
                    point = point << 6 | np.int64(data[position]) & 0x3F
                    position += 1
            if point < IDEOGRAPHIC_PLANES[0]:
                folded = np.int64(table[point])
            else:
                folded = point | WHOLE_WORD if point < IDEOGRAPHIC_PLANES[1] else SEPARATOR
            if folded == IGNORED:
                continue
            if folded == SEPARATOR:
                inside = False
                continue
            if folded >= WHOLE_WORD or not inside:
                hashes[words] = HASH_START
                start[words] = here
                words += 1
            letters[characters] = folded
            characters += 1
            hashes[words - 1] = (hashes[words - 1] ^ np.uint64(folded)) * HASH_PRIME
            stop[words - 1] = position
            letters_stop[words - 1] = characters
            inside = folded < WHOLE_WORD
    first[len(offsets) - 1] = words
    for word in range(words):
        mixed = hashes[word]
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        hashes[word] = mixed ^ (mixed >> np.uint64(31))
    return words, characters
