"""Lines, paragraphs and sentences as byte spans, each with a hash of what it says.

Two units say the same if their characters are equal in lower case, with any white space between
them taken as one space (no Unicode normalisation, punctuation counts). The hash has 64 bits, so
that among n units a single one is taken for a repetition by mistake with probability n / 2^64.

Spans are made to be cut out whole: a line takes its newline with it, a paragraph the empty lines
behind it, and so does a line that is a paragraph of its own. Words are counted as in `words`, save
that an apostrophe parts two of them.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text
from midtrain_dagster.curation.text.characters import (
    APOSTROPHE,
    CLOSING,
    CONTINUATION,
    LETTER,
    MARK,
    NUMBER,
    SPACE,
    SPACELESS,
    STOP,
    WIDE_STOP,
    classify,
)

_LAST_CASED = 0x1E943  # Adlam; no letter beyond has a case


class Units(NamedTuple):
    """Units of some documents, in order; offsets are bytes of the whole buffer."""

    documents: np.ndarray
    """int64, the number of the document that each belongs to."""
    starts: np.ndarray
    """int64"""
    stops: np.ndarray
    """int64; of a sentence without the white space behind it."""
    hashes: np.ndarray
    """uint64"""
    words: np.ndarray
    """int64"""
    opens_line: np.ndarray
    """bool, whether it is the first of its line."""


def lines(text: Text) -> Units:
    """Lines with anything but white space in them."""
    return Units(*_blocks(text.buffer, classify(text.buffer), text.offsets, _lower(), False))


def paragraphs(text: Text) -> Units:
    """Runs of lines without an empty one (or one of white space) between them."""
    return Units(*_blocks(text.buffer, classify(text.buffer), text.offsets, _lower(), True))


def sentences(text: Text) -> Units:
    """Sentences: they end at ``. ! ? ...``, closing quotes and brackets, and white space; or at a
    full-width mark; or with their line.

    A full stop after a single letter does not end one, nor does anything before a first word. As in
    `lines`, other abbreviations do end one (C4's splitter, NLTK's, knows some).
    """
    return Units(*_sentences(text.buffer, classify(text.buffer), text.offsets, _lower()))


@cache
def _lower() -> np.ndarray:
    """The lower case of every code point, itself where that is more than one character."""
    table = np.arange(0x110000, dtype=np.uint32)
    for point in range(_LAST_CASED + 1):
        lowered = chr(point).lower()
        if len(lowered) == 1:
            table[point] = ord(lowered)
    return table


@inlined
def _digest(buffer, classes, start, stop, lower):  # type: ignore[no-untyped-def]
    """The hash of the normalised characters (FNV-1a, then MurmurHash3's finaliser), the words."""
    state = np.uint64(0xCBF29CE484222325)
    words, last, begun = 0, SPACE, False
    space = False
    position = start
    while position < stop:
        kind = classes[position]
        first = np.int64(buffer[position])
        if first < 0x80:
            point, length = first, 1
        elif first < 0xE0:
            point, length = first & 0x1F, 2
        elif first < 0xF0:
            point, length = first & 0x0F, 3
        else:
            point, length = first & 0x07, 4
        for step in range(1, length):
            point = (point << 6) | (np.int64(buffer[position + step]) & 0x3F)
        position += length
        if kind == SPACE:
            space = begun
            last = SPACE
            continue
        if space:
            state = (state ^ np.uint64(0x20)) * np.uint64(0x100000001B3)
            space = False
        begun = True
        state = (state ^ np.uint64(lower[point])) * np.uint64(0x100000001B3)
        if kind == MARK:
            continue
        letter = kind in (LETTER, NUMBER)
        words += kind == SPACELESS or (letter and last not in (LETTER, NUMBER))
        last = kind
    state = (state ^ (state >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    state = (state ^ (state >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return state ^ (state >> np.uint64(33)), words


@inlined
def _line_end(buffer, classes, position, end):  # type: ignore[no-untyped-def]
    """Where the line that begins at ``position`` ends (behind its newline), and if it is blank."""
    blank = True
    while position < end and buffer[position] != 0x0A:
        blank = blank and classes[position] in (SPACE, CONTINUATION)
        position += 1
    return min(position + 1, end), blank


@inlined
def _blank_end(buffer, classes, position, end):  # type: ignore[no-untyped-def]
    """Where the blank lines end that begin at ``position``."""
    while position < end:
        after, blank = _line_end(buffer, classes, position, end)
        if not blank:
            break
        position = after
    return position


@jit
def _blocks(buffer, classes, offsets, lower, whole_paragraphs):  # type: ignore[no-untyped-def]
    room = offsets.size + np.sum(buffer == 0x0A)
    documents, starts, stops = (
        np.empty(room, np.int64),
        np.empty(room, np.int64),
        np.empty(room, np.int64),
    )
    hashes, words = np.empty(room, np.uint64), np.empty(room, np.int64)
    found = 0
    for document in range(offsets.size - 1):
        end = offsets[document + 1]
        start = _blank_end(buffer, classes, offsets[document], end)
        opens = True
        while start < end:
            stop, _ = _line_end(buffer, classes, start, end)
            after = _blank_end(buffer, classes, stop, end)
            while whole_paragraphs and after == stop and stop < end:
                stop, _ = _line_end(buffer, classes, stop, end)
                after = _blank_end(buffer, classes, stop, end)
            closes = after > stop
            documents[found] = document
            starts[found] = start
            stops[found] = after if opens else stop
            hashes[found], words[found] = _digest(buffer, classes, start, stop, lower)
            found += 1
            start, opens = after, closes
    return (
        documents[:found], starts[:found], stops[:found], hashes[:found], words[:found],
        np.ones(found, np.bool_),
    )  # fmt: skip


@inlined
def _is_initial(buffer, classes, position, start):  # type: ignore[no-untyped-def]
    """Whether the full stop at ``position`` follows a word of one letter."""
    if buffer[position] != 0x2E:
        return False
    letter = position - 1
    while letter > start and classes[letter] == CONTINUATION:
        letter -= 1
    if letter < start or classes[letter] != LETTER:
        return False
    before = letter - 1
    while before > start and classes[before] == CONTINUATION:
        before -= 1
    return before < start or classes[before] not in (LETTER, NUMBER, MARK, APOSTROPHE)


@inlined
def _sentence_end(buffer, classes, start, end):  # type: ignore[no-untyped-def]
    """Where the sentence ends that begins at ``start``, in a line that ends at ``end``."""
    stopped, wide, worded = False, False, False
    position = start
    while position < end:
        kind = classes[position]
        if wide and kind not in (CONTINUATION, CLOSING, WIDE_STOP):
            return position
        if kind == SPACE and stopped:
            return position
        if LETTER <= kind <= SPACELESS:
            worded = True
            stopped = False
        elif kind == WIDE_STOP:
            wide = worded
        elif kind == STOP:
            stopped = worded and not _is_initial(buffer, classes, position, start)
        elif kind not in (CONTINUATION, CLOSING, APOSTROPHE):
            stopped = False
        position += 1
    return end


@jit
def _sentences(buffer, classes, offsets, lower):  # type: ignore[no-untyped-def]
    room = offsets.size + np.sum(buffer == 0x0A)
    room += np.sum((classes == STOP) | (classes == WIDE_STOP))
    documents, starts, stops = (
        np.empty(room, np.int64),
        np.empty(room, np.int64),
        np.empty(room, np.int64),
    )
    hashes, words = np.empty(room, np.uint64), np.empty(room, np.int64)
    opens_line = np.empty(room, np.bool_)
    found = 0
    for document in range(offsets.size - 1):
        begin, end = offsets[document], offsets[document + 1]
        while begin < end:
            after, _ = _line_end(buffer, classes, begin, end)
            start = begin
            opens = True
            while start < after:
                if classes[start] in (SPACE, CONTINUATION):
                    start += 1
                    continue
                stop = _sentence_end(buffer, classes, start, after)
                ahead = stop
                while classes[stop - 1] == SPACE or (
                    classes[stop - 1] == CONTINUATION and _ends_in_space(classes, stop)
                ):
                    stop -= 1
                documents[found] = document
                starts[found] = start
                stops[found] = stop
                hashes[found], words[found] = _digest(buffer, classes, start, stop, lower)
                opens_line[found] = opens
                found += 1
                start, opens = ahead, False
            begin = after
    return (
        documents[:found], starts[:found], stops[:found], hashes[:found], words[:found],
        opens_line[:found],
    )  # fmt: skip


@inlined
def _ends_in_space(classes, stop):  # type: ignore[no-untyped-def]
    """Whether the last character before ``stop`` is white space of several bytes."""
    first = stop - 1
    while classes[first] == CONTINUATION:
        first -= 1
    return classes[first] == SPACE
