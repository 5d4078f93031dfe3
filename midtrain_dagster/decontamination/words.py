"""Words that survive copying: how decontamination reads what deduplication normalises and splits.

What is written in a file's notation is read as it is meant (`notation`). Normal form and words are
those of deduplication (`curation.text.normalisation`, `words`): case,
width, normal form and characters that nobody sees do not count, a word keeps its vowel signs, and
in scripts without spaces each letter with its marks is a word, so that Thai is found whatever its
spacing. Qwen2.5-Math (arXiv 2409.12122, section 2.3) normalises further before it matches n-grams,
"eliminating irrelevant punctuation and symbols", without giving the rule. Ours, within a word:

- apostrophes of any shape vanish (``don't`` is ``dont``), and Arabic's tatweel, which only
  stretches;
- the points of Hebrew, Arabic and Syriac vanish: writing them is optional. Hamza and madda stay;
- an accent of a Latin, Greek or Cyrillic letter **may be lost, but not exchanged**: ``má`` is
  ``ma``, since copying, or a keyboard, loses accents, but ``má`` is not ``mà``, which is another
  word of Vietnamese;
- the letters yeh and kaf are one whether they are typed as Arabic's or as Persian's;
- every other mark is part of its letter: vowel signs, viramas, nuktas, voicing marks, tones.

**Digits stay as they are.** datatrove folds every number to one symbol, which makes any two
exercises with the same wording equal, and that breaks mathematics. The price of dropping symbols
is paid there too: ``x + 1`` and ``x - 1`` are the same two words, which is why one n-gram alone
never convicts a document (see ``scan``).
"""

import unicodedata
from functools import cache
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.text.characters import eights
from midtrain_dagster.curation.text.normalisation import normalise, normalise_with_sources
from midtrain_dagster.curation.text.words import spans
from midtrain_dagster.decontamination.notation import meant

APOSTROPHES = "'\u2019\u02bb\u02bc\u02bd\u055a\u05f3\ua78c"
TATWEEL = "\u0640"

_LOOSE = ("LATIN ", "GREEK ", "CYRILLIC ")
_POINTED = ("HEBREW ", "ARABIC ", "SYRIAC ")
_LETTERS_OWN = "\u0653\u0654\u0655"  # madda and hamza
_SAME_LETTER = {0x0643: 0x06A9, 0x0649: 0x06CC, 0x064A: 0x06CC}  # kaf; alef maksura and yeh
_TABLED = 0x20000
_VANISHES = np.uint32(1 << 31)
_ACCENT = np.uint32(1 << 30)  # a mark that falls from a loose letter
_ACCENTED = np.uint32(1 << 29)  # a loose letter with an accent; the low bits hold it without
_LOOSE_LETTER = np.uint32(1 << 28)
_OTHER_LETTER = np.uint32(1 << 27)  # the low bits hold the letter that it counts as
_POINT = np.uint32(0x1FFFFF)


class Words(NamedTuple):
    """The words of many documents, one after another: an entry a word, if nothing else is said."""

    first: NDArray[np.int64]
    """Index of each document's first word, and at the end the number of words (documents + 1)."""
    hashes: NDArray[np.uint64]
    """Of its letters, without accents."""
    accents: NDArray[np.uint64]
    """A hash of the accents that its letters have lost; 0 if there are none."""
    start: NDArray[np.int64]
    """Where its letters begin in ``letters``."""
    stop: NDArray[np.int64]
    letters: NDArray[np.uint8]
    """UTF-8: what verifies a hash."""


def read_words(texts: pl.Series) -> Words:
    """The words of a String column without nulls (ValueError if it has any).

    Takes up to 30 bytes of memory for a byte of text, so give it a large table in pieces.
    """
    normalised = normalise(meant(texts))
    first, starts, stops = spans(normalised.classes, normalised.offsets)
    return Words(
        *_read(normalised.buffer, eights(normalised.buffer), first, starts, stops, folding())
    )


def find_sources(
    texts: pl.Series,
    document: NDArray[np.int64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where runs of words lie, in bytes of their document's text: (starts, stops).

    A run is the words ``first`` to ``last`` (inclusive), counted from the start of the document,
    as `read_words` finds them.
    """
    normalised, (begins, ends) = normalise_with_sources(meant(texts))
    bounds, starts, stops = spans(normalised.classes, normalised.offsets)
    read = _read(normalised.buffer, eights(normalised.buffer), bounds, starts, stops, folding())
    kept = np.searchsorted(starts, read[3])
    start = begins[starts[kept[read[0][document] + first]]]
    stop = ends[stops[kept[read[0][document] + last]] - 1]
    before = text_buffer(texts).offsets[document]
    return start - before, stop - before


@cache
def folding() -> NDArray[np.uint32]:
    """What becomes of each code point of planes 0 and 1 in a word."""
    table = np.arange(_TABLED, dtype=np.uint32)
    for point in range(_TABLED):
        character = chr(point)
        name = unicodedata.name(character, "")
        is_mark = unicodedata.category(character) in ("Mn", "Me")
        if character in APOSTROPHES or character == TATWEEL:
            table[point] = _VANISHES
        elif point in _SAME_LETTER:
            table[point] = _OTHER_LETTER | np.uint32(_SAME_LETTER[point])
        elif is_mark and name.startswith(_POINTED):
            if character not in _LETTERS_OWN:
                table[point] = _VANISHES
        elif is_mark and unicodedata.combining(character):
            table[point] |= _ACCENT
        elif name.startswith(_LOOSE):
            table[point] |= _LOOSE_LETTER
            parts = unicodedata.normalize("NFD", character)
            if len(parts) > 1 and all(map(unicodedata.combining, parts[1:])):
                table[point] = _LOOSE_LETTER | _ACCENTED | np.uint32(ord(parts[0]))
    return table


@inlined
def _mixed(state):  # type: ignore[no-untyped-def]
    """MurmurHash3's finaliser."""
    state = (state ^ (state >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    state = (state ^ (state >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return state ^ (state >> np.uint64(33))


@inlined
def _hash(eight, start, stop):  # type: ignore[no-untyped-def]
    """Of the bytes, eight at a time; and bits that are set if one is not plain ASCII in a word."""
    multiplier = np.uint64(0x9E3779B97F4A7C15)
    high = np.uint64(0x8080808080808080)
    ones = np.uint64(0x0101010101010101)
    state = np.uint64(stop - start) * multiplier
    odd = np.uint64(0)
    while start < stop:
        block = eight[start]
        if stop - start < 8:
            block &= ~np.uint64(0) >> np.uint64(64 - 8 * (stop - start))
        quote = block ^ ones * np.uint64(0x27)  # a byte is zero where an apostrophe stands
        odd |= (block | (quote - ones) & ~quote) & high
        state = (state ^ block) * multiplier
        state ^= state >> np.uint64(32)
        start += 8
    return _mixed(state), odd


@inlined
def _decode(buffer, position):  # type: ignore[no-untyped-def]
    """The code point at ``position``, and how many bytes it has."""
    point = np.int64(buffer[position])
    if point < 0x80:
        return point, 1
    following = 1 if point < 0xE0 else 2 if point < 0xF0 else 3
    point &= 0x3F >> following
    for step in range(1, following + 1):
        point = point << 6 | np.int64(buffer[position + step]) & 0x3F
    return point, following + 1


@inlined
def _put(point, buffer, position):  # type: ignore[no-untyped-def]
    """Write a code point; returns where the next one goes."""
    if point < 0x80:
        buffer[position] = point
        return position + 1
    length = 2 if point < 0x800 else 3 if point < 0x10000 else 4
    for step in range(length - 1, 0, -1):
        buffer[position + step] = 0x80 | (point & 0x3F)
        point >>= 6
    buffer[position] = ((0xF00 >> length) & 0xFF) | point
    return position + length


@inlined
def _folds(buffer, start, stop, table):  # type: ignore[no-untyped-def]
    """Whether folding may change the word."""
    while start < stop:
        point, length = _decode(buffer, start)
        if point < table.size and table[point] & (_VANISHES | _ACCENT | _ACCENTED | _OTHER_LETTER):
            return True
        start += length
    return False


@jit
def _fold(buffer, start, stop, table):  # type: ignore[no-untyped-def]
    """Fold a word where it stands; returns where it now ends, and its accents."""
    begin = found = start
    loose = False
    accents = np.uint64(0)
    while start < stop:
        point, length = _decode(buffer, start)
        start += length
        entry = table[point] if point < table.size else np.uint32(point)
        if entry == _VANISHES:
            continue
        if entry & _ACCENTED or (entry & _ACCENT and loose):
            accents = _mixed(accents ^ np.uint64(point << 32 | (found - begin)))
        if entry & _ACCENT:
            if not loose:
                found = _put(point, buffer, found)
            continue
        loose = entry & _LOOSE_LETTER != 0
        found = _put(np.int64(entry & _POINT), buffer, found)
    return found, accents


@jit
def _read(buffer, eight, bounds, starts, stops, table):  # type: ignore[no-untyped-def]
    """The fields of `Words`; the letters are the buffer, folded where they stand."""
    first = np.zeros(bounds.size, np.int64)
    hashes = np.empty(starts.size, np.uint64)
    accents = np.empty(starts.size, np.uint64)
    kept_starts = np.empty(starts.size, np.int64)
    kept_stops = np.empty(starts.size, np.int64)
    found = 0
    for document in range(bounds.size - 1):
        for word in range(bounds[document], bounds[document + 1]):
            start, stop = starts[word], stops[word]
            code, odd = _hash(eight, start, stop)
            accents[found] = 0
            if odd and _folds(buffer, start, stop, table):
                stop, accents[found] = _fold(buffer, start, stop, table)
                code, _ = _hash(eight, start, stop)
            hashes[found] = code
            kept_starts[found] = start
            kept_stops[found] = stop
            found += stop > start  # nothing is left of an apostrophe that stands alone
        first[document + 1] = found
    return first, hashes[:found], accents[:found], kept_starts[:found], kept_stops[:found], buffer
