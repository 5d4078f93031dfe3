"""What a word is, and where the words of a text column lie.

A word is a maximal run of letters, numbers and the combining marks on them; an apostrophe between
two letters belongs to it (``don't`` is one word). Every other character separates. In scripts
written without spaces (Han, kana, Thai, Lao, Khmer, Myanmar and their kin, see `characters`) each
letter, with its marks, is a word of its own, as in the default rules of UAX #29.

This is UAX #29 made simple, and it differs from the reference implementations: DCLM splits at
spaces, so that punctuation sticks to words; datatrove counts spaCy's tokens, which split ``don't``
in two and make punctuation into words. Here punctuation is never a word, and ``3.14`` or
``snake_case`` are two. English word counts come out within a few per cent of both; shares of words
with a letter come out higher than datatrove's. For signals in datatrove's reading there are spaCy's
own English words (`spacy_words`), and the words of any other splitter can be given as spans
(`from_spans`).

Words are compared by a 64-bit hash of their bytes. Two different words of one document share a
hash with a probability of about words^2 / 2^65, which is negligible.
"""

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text
from midtrain_dagster.curation.text.characters import (
    APOSTROPHE,
    CONTINUATION,
    LETTER,
    MARK,
    NUMBER,
    SPACELESS,
    classify,
    eights,
)
from midtrain_dagster.curation.text.punctuation import punctuation_table

# Sets of classes, a bit each.
_OF_WORDS = np.int64(1 << LETTER | 1 << NUMBER)
_BY_CONTEXT = np.int64(1 << CONTINUATION | 1 << MARK | 1 << SPACELESS | 1 << APOSTROPHE)


class Words(NamedTuple):
    """All words of some documents, in order: document ``i`` has ``offsets[i]:offsets[i + 1]``."""

    offsets: np.ndarray
    """int64, one more than there are documents."""
    starts: np.ndarray
    """int64, where each word starts, in bytes of the buffer."""
    stops: np.ndarray
    """int64, where each word ends, in bytes of the buffer."""
    characters: np.ndarray
    """int32, each word's length in characters."""
    hashes: np.ndarray
    """uint64, a hash of each word's bytes; case counts."""
    alphabetic: np.ndarray
    """bool, whether the word holds a letter."""
    symbolic: np.ndarray
    """bool, whether the word is nothing but punctuation; never so in our own words."""


def split(text: Text, classes: np.ndarray | None = None) -> Words:
    """Find the words of each document. ``classes`` are the buffer's, if the caller has them."""
    if classes is None:
        classes = classify(text.buffer)
    eight = (eights(text.buffer), eights(classes))
    found = _split(text.buffer, classes, *eight, text.offsets)
    return Words._make((*found, np.zeros(found[1].size, np.bool_)))


def from_spans(
    text: Text,
    offsets: np.ndarray,
    starts: np.ndarray,
    stops: np.ndarray,
    classes: np.ndarray | None = None,
) -> Words:
    """The words of another splitter, as spans of bytes of the buffer, without empty ones.

    Document ``i`` has the spans ``offsets[i]:offsets[i + 1]``, in order. Raises ValueError if the
    spans do not fit the text.
    """
    if classes is None:
        classes = classify(text.buffer)
    offsets, starts, stops = (np.asarray(each, np.int64) for each in (offsets, starts, stops))
    documents = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
    if offsets.size != text.offsets.size or not starts.size == stops.size == documents.size:
        raise ValueError(
            f"{offsets.size} offsets, {starts.size} starts and {stops.size} stops do not belong to "
            f"{text.offsets.size - 1} documents"
        )
    bounds = text.offsets
    outside = (starts < bounds[documents]) | (stops > bounds[documents + 1]) | (starts >= stops)
    if outside.any():
        row = int(np.argmax(outside))
        raise ValueError(
            f"word {row} ({starts[row]}:{stops[row]}) is empty or outside its document "
            f"{documents[row]}"
        )
    return described(text, offsets, starts, stops, classes)


def described(
    text: Text, offsets: np.ndarray, starts: np.ndarray, stops: np.ndarray, classes: np.ndarray
) -> Words:
    """Spans (int64) that are known to fit the text as words, with what there is to know of each."""
    eight = (eights(text.buffer), eights(classes))
    known = _describe(text.buffer, classes, *eight, starts, stops, punctuation_table())
    return Words(offsets, starts, stops, *known)


@intrinsic
def _trailing_zeros(typing, value):  # type: ignore[no-untyped-def]
    """Bits below the lowest one of a uint64; 64 of zero."""

    def count(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), count


@inlined
def _hash(eight, start, stop):  # type: ignore[no-untyped-def]
    """Of one or more bytes, eight at a time: multiply and fold, then MurmurHash3's finaliser."""
    multiplier = np.uint64(0x9E3779B97F4A7C15)
    state = np.uint64(stop - start) * multiplier
    while stop - start > 8:
        state = (state ^ eight[start]) * multiplier
        state ^= state >> np.uint64(32)
        start += 8
    # The last seven bytes of the buffer begin no eight: they are the upper part of the last one.
    back = max(start + 1 - eight.size, 0)
    rest = eight[start - back] >> np.uint64(8 * back)
    rest &= ~np.uint64(0) >> np.uint64(64 - 8 * (stop - start))
    state = (state ^ rest) * multiplier
    state = (state ^ (state >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    return state ^ (state >> np.uint64(33))


@inlined
def _letters(eight, start, end):  # type: ignore[no-untyped-def]
    """Where the letters of one byte that begin at ``start`` end, by the classes."""
    position = start
    run = 8
    while run == 8 and position < end:
        back = max(position + 1 - eight.size, 0)
        classes = eight[position - back] >> np.uint64(8 * back)
        differing = classes ^ np.uint64(0x0101010101010101 * LETTER)
        run = np.int64(_trailing_zeros(differing) >> np.uint64(3))
        position += run
    return min(position, end)


@inlined
def _read_word(classes, start, end):  # type: ignore[no-untyped-def]
    """Where the word that starts at ``start`` stops, its characters, whether it holds a letter."""
    spaceless = classes[start] == SPACELESS
    letter = classes[start] != NUMBER
    last = classes[start]
    length = 1
    position = start + 1
    while position < end:
        kind = classes[position]
        if kind == CONTINUATION:
            pass
        elif kind == MARK:
            length += 1
        elif not spaceless and kind <= NUMBER:
            length += 1
            letter = letter or kind == LETTER
            last = kind
        elif not spaceless and kind == APOSTROPHE and last == LETTER:
            after = position + 1
            while after < end and classes[after] == CONTINUATION:
                after += 1
            if after == end or classes[after] != LETTER:
                break
            length += 2
            position = after
        else:
            break
        position += 1
    return position, length, letter


@jit
def _split(buffer, classes, buffer_eight, classes_eight, bounds):  # type: ignore[no-untyped-def]
    documents = bounds.size - 1
    # A word is one byte or more, and a separator or a document's end follows, save in scripts
    # without spaces, where a letter has three bytes.
    room = buffer.size // 2 + documents + 1
    offsets = np.zeros(documents + 1, np.int64)
    starts = np.empty(room, np.int64)
    stops = np.empty(room, np.int64)
    characters = np.empty(room, np.int32)
    hashes = np.empty(room, np.uint64)
    alphabetic = np.empty(room, np.bool_)
    found = 0
    for document in range(documents):
        position, end = bounds[document], bounds[document + 1]
        while position < end:
            if not LETTER <= classes[position] <= SPACELESS:
                position += 1
                continue
            start = position
            position = _letters(classes_eight, start, end)
            length, letter = position - start, True
            if position < end and (
                length == 0 or classes[position] <= MARK or classes[position] == APOSTROPHE
            ):
                position, length, letter = _read_word(classes, start, end)
            starts[found] = start
            stops[found] = position
            characters[found] = length
            hashes[found] = _hash(buffer_eight, start, position)
            alphabetic[found] = letter
            found += 1
        offsets[document + 1] = found
    return (
        offsets,
        starts[:found],
        stops[:found],
        characters[:found],
        hashes[:found],
        alphabetic[:found],
    )


@inlined
def _joins_letters(classes, position, end):  # type: ignore[no-untyped-def]
    """1 if the apostrophe at this position, after a byte of a word, is between two letters."""
    before = position - 1
    while classes[before] in (CONTINUATION, MARK):
        before -= 1
    after = position + 1
    while after < end and classes[after] == CONTINUATION:
        after += 1
    return np.int64(classes[before] == LETTER and after < end and classes[after] == LETTER)


@jit
def spans(classes, bounds):  # type: ignore[no-untyped-def]
    """Where the words of classified bytes lie, and no more: (offsets, starts, stops), as `split`.

    Letters and what separates them alternate too fast for the processor to foresee, so these bytes
    are taken without a branch: at each byte a start and a stop are written, and the next byte
    overwrites them unless a word has begun or ended.
    """
    # A word is one byte or more, and a separator or a document's end follows, save in scripts
    # without spaces, where a letter has three bytes.
    room = classes.size // 2 + bounds.size + 1
    offsets = np.zeros(bounds.size, np.int64)
    starts = np.empty(room, np.int64)
    stops = np.empty(room, np.int64)
    found = np.int64(0)
    for document in range(bounds.size - 1):
        end = bounds[document + 1]
        inside = np.int64(0)
        spaceless = np.int64(0)  # whether the word we are in is one letter of such a script
        for position in range(bounds[document], end):
            kind = np.int64(classes[position])
            word = (_OF_WORDS >> kind) & 1
            if (_BY_CONTEXT >> kind) & 1 | spaceless:
                if kind == CONTINUATION or kind == MARK:  # noqa: PLR1714, SIM109 (`in` is slow)
                    word = inside
                elif kind == APOSTROPHE:
                    word = inside & ~spaceless
                    if word:
                        word = _joins_letters(classes, position, end)
                elif spaceless or kind == SPACELESS:
                    stops[found] = position
                    found += inside
                    inside = np.int64(0)
                    spaceless = np.int64(kind == SPACELESS)
                    word |= spaceless
                spaceless &= word
            starts[found + inside] = position
            stops[found] = position
            found += inside & ~word
            inside = word
        stops[found] = end
        found += inside
        offsets[document + 1] = found
    return offsets, starts[:found], stops[:found]


@jit
def _describe(  # type: ignore[no-untyped-def]
    buffer, classes, buffer_eight, classes_eight, starts, stops, punctuation
):
    characters = np.empty(starts.size, np.int32)
    hashes = np.empty(starts.size, np.uint64)
    alphabetic = np.empty(starts.size, np.bool_)
    symbolic = np.empty(starts.size, np.bool_)
    for word in range(starts.size):
        start, stop = starts[word], stops[word]
        hashes[word] = _hash(buffer_eight, start, stop)
        length, letter, symbol = stop - start, True, False
        if _letters(classes_eight, start, stop) < stop:
            length, letter, symbol = 0, False, True
            point = np.int64(0)
            for position in range(start, stop):
                byte = np.int64(buffer[position])
                kind = classes[position]
                if kind == CONTINUATION:
                    point = (point << 6) | (byte & 0x3F)
                else:
                    length += 1
                    letter |= kind in (LETTER, SPACELESS)
                    point = byte & (0x7F if byte < 0x80 else 0x1F if byte < 0xE0 else 0x0F)
                if position + 1 == stop or classes[position + 1] != CONTINUATION:
                    symbol &= punctuation[point] > 0
        characters[word], alphabetic[word], symbolic[word] = length, letter, symbol
    return characters, hashes, alphabetic, symbolic
