"""Repeated lines and paragraphs: how many there are, and their characters.

The measures of Gopher (Rae et al. 2021, arXiv 2112.11446, table A1). Three readings differ in what
a line is and which occurrences count:

- ours takes lines and paragraphs without the white space around lines, and no blank ones; a
  paragraph is a run of lines without a blank one between. As in datatrove, a duplicate is every
  occurrence after the first.
- DCLM counts the first occurrence of what is repeated too, which about doubles a share, and divides
  by the characters of the lines or paragraphs. Its lines are ours; its paragraphs are parted by
  lines without a single byte only, then stripped, and those of white space alone are none.
- datatrove leaves the white space on, so that only lines without a single byte are blank; its
  lines are what stands between runs of newlines, so that a newline at either end of the text gives
  an empty line; its paragraphs are those of the stripped text. FineWeb's rule leaves out those of
  datatrove's lines that are white space alone.

Segments are compared by 64-bit hashes of their bytes.
"""

import numpy as np

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text
from midtrain_dagster.curation.text.characters import eights
from midtrain_dagster.curation.text.lines import Lines

COUNTS = (
    "lines",
    "line_characters",
    "duplicate_lines",
    "duplicate_line_characters",
    "repeated_lines",
    "repeated_line_characters",
    "paragraphs",
    "paragraph_characters",
    "duplicate_paragraphs",
    "duplicate_paragraph_characters",
    "datatrove_lines",
    "datatrove_duplicate_lines",
    "datatrove_duplicate_line_characters",
    "fineweb_duplicate_line_characters",
    "datatrove_paragraphs",
    "datatrove_duplicate_paragraphs",
    "datatrove_duplicate_paragraph_characters",
    "dclm_paragraphs",
    "dclm_paragraph_characters",
    "repeated_paragraphs",
    "repeated_paragraph_characters",
)
"""The columns of what `count` gives: ``duplicate`` leaves first occurrences out, ``repeated`` has
them."""

# Where each group of columns begins.
_LINES, _PARAGRAPHS, _DATATROVE_LINES, _FINEWEB_LINES = 0, 6, 10, 13
_DATATROVE_PARAGRAPHS, _DCLM_PARAGRAPHS = 14, 17


def count(text: Text, lines: Lines) -> np.ndarray:
    """Count each document's repeated lines and paragraphs: int64, (documents, len(COUNTS)).

    ``lines`` are those between newlines, not `every` break.
    """
    return _count(text.buffer, eights(text.buffer), text.offsets, *lines[1:8])


@inlined
def _hash(eight, start, stop):  # type: ignore[no-untyped-def]
    """Of a run of bytes, eight at a time."""
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
    return state ^ (state >> np.uint64(32))


@inlined
def _tally(keys, characters, size, table, firsts, often, counts):  # type: ignore[no-untyped-def]
    """Count what is repeated among ``size`` segments.

    ``counts`` takes in order: later occurrences, their characters, all occurrences of what is
    repeated, their characters. The table's places are free where ``firsts`` is -1.
    """
    bits = 1
    while (1 << bits) < 2 * size:
        bits += 1
    mask = (1 << bits) - 1
    firsts[: mask + 1] = -1
    for index in range(size):
        key = keys[index]
        slot = np.int64((key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - bits))
        while firsts[slot] >= 0 and table[slot] != key:
            slot = (slot + 1) & mask
        if firsts[slot] < 0:
            firsts[slot] = index
            table[slot] = key
            often[slot] = 1
            continue
        length = characters[index]
        counts[0] += 1
        counts[1] += length
        counts[2] += 1
        counts[3] += length
        if often[slot] == 1:
            counts[2] += 1
            counts[3] += characters[firsts[slot]]
        often[slot] += 1


@jit
def _count(  # type: ignore[no-untyped-def]  # noqa: PLR0912, PLR0915
    buffer, eight, bounds, offsets, begins, ends, starts, stops, raw_characters, characters
):
    documents = offsets.size - 1
    counts = np.zeros((documents, 21), np.int64)
    scratch = np.zeros(4, np.int64)
    longest = 2
    for document in range(documents):
        longest = max(longest, offsets[document + 1] - offsets[document] + 2)
    room = 2
    while room < 2 * longest:
        room *= 2
    table = np.empty(room, np.uint64)
    firsts = np.empty(room, np.int32)
    often = np.empty(room, np.int32)
    keys = np.empty(longest, np.uint64)
    lengths = np.empty(longest, np.int64)
    for document in range(documents):
        tally = counts[document]
        first, behind = offsets[document], offsets[document + 1]

        size, paragraphs, open_ = 0, 0, False
        raw = False  # whether any line has white space around it, or is nothing else
        for line in range(first, behind):
            raw |= starts[line] != begins[line] or stops[line] != ends[line]
            if starts[line] < stops[line]:
                keys[size] = _hash(eight, starts[line], stops[line])
                lengths[size] = characters[line]
                tally[_LINES + 1] += characters[line]
                size += 1
        tally[_LINES] = size
        _tally(keys, lengths, size, table, firsts, often, tally[_LINES + 2 : _LINES + 6])
        # The lines' hashes are read before the paragraphs' take their places.
        source = 0
        for line in range(first, behind):
            if starts[line] == stops[line]:
                open_ = False
                continue
            state, length = keys[source], lengths[source]
            source += 1
            if open_:
                mixed = keys[paragraphs - 1] * np.uint64(0x9E3779B97F4A7C15)
                keys[paragraphs - 1] = mixed ^ state
                lengths[paragraphs - 1] += length + 1
            else:
                keys[paragraphs] = state
                lengths[paragraphs] = length
                paragraphs += 1
                open_ = True
        tally[_PARAGRAPHS] = paragraphs
        for index in range(paragraphs):
            tally[_PARAGRAPHS + 1] += lengths[index]
        scratch[:] = 0
        _tally(keys, lengths, paragraphs, table, firsts, often, scratch)
        tally[_PARAGRAPHS + 2 : _PARAGRAPHS + 4] = scratch[:2]

        begin, end = bounds[document], bounds[document + 1]
        empty = 0
        if begin < end:
            empty = np.int64(buffer[begin] == 0x0A) + np.int64(buffer[end - 1] == 0x0A)
        if not raw:
            tally[_DATATROVE_LINES] = size + empty
            tally[_DATATROVE_LINES + 1] = tally[_LINES + 2] + (empty == 2)
            tally[_DATATROVE_LINES + 2] = tally[_LINES + 3]
            tally[_FINEWEB_LINES] = tally[_LINES + 3]
            tally[_DATATROVE_PARAGRAPHS] = max(paragraphs, 1)
            tally[_DATATROVE_PARAGRAPHS + 1] = tally[_PARAGRAPHS + 2]
            tally[_DATATROVE_PARAGRAPHS + 2] = tally[_PARAGRAPHS + 3]
            tally[_DCLM_PARAGRAPHS : _DCLM_PARAGRAPHS + 2] = tally[_PARAGRAPHS : _PARAGRAPHS + 2]
            tally[_DCLM_PARAGRAPHS + 2 :] = scratch[2:]
            continue

        # datatrove's lines: as they stand, without those of no byte.
        size = 0
        for line in range(first, behind):
            if begins[line] < ends[line]:
                keys[size] = _hash(eight, begins[line], ends[line])
                lengths[size] = raw_characters[line]
                size += 1
        scratch[:] = 0
        _tally(keys, lengths, size, table, firsts, often, scratch)
        tally[_DATATROVE_LINES] = size + empty
        tally[_DATATROVE_LINES + 1] = scratch[0] + (empty == 2)
        tally[_DATATROVE_LINES + 2] = scratch[1]
        # FineWeb's: without those of white space alone.
        size = 0
        for line in range(first, behind):
            if starts[line] < stops[line]:
                keys[size] = _hash(eight, begins[line], ends[line])
                lengths[size] = raw_characters[line]
                size += 1
        scratch[:] = 0
        _tally(keys, lengths, size, table, firsts, often, scratch)
        tally[_FINEWEB_LINES] = scratch[1]
        # DCLM's paragraphs: runs of lines with at least a byte, each of them stripped.
        paragraphs, line = 0, first
        while line < behind:
            start, stop, length, before = -1, -1, 0, 0
            while line < behind and begins[line] < ends[line]:
                if starts[line] < stops[line]:
                    # Characters of lines in between count, with the newlines before them.
                    length += before if start >= 0 else 0
                    before = 1
                    if start < 0:
                        start = starts[line]
                        length += characters[line]
                    else:
                        length += characters[line]
                        for position in range(begins[line], starts[line]):
                            length += (buffer[position] & 0xC0) != 0x80
                    stop = stops[line]
                    for position in range(stop, ends[line]):
                        before += (buffer[position] & 0xC0) != 0x80
                else:
                    before += raw_characters[line] + 1
                line += 1
            line += 1
            if start >= 0:
                keys[paragraphs] = _hash(eight, start, stop)
                lengths[paragraphs] = length
                tally[_DCLM_PARAGRAPHS + 1] += length
                paragraphs += 1
        tally[_DCLM_PARAGRAPHS] = paragraphs
        scratch[:] = 0
        _tally(keys, lengths, paragraphs, table, firsts, often, scratch)
        tally[_DCLM_PARAGRAPHS + 2 :] = scratch[2:]
        # datatrove's paragraphs: runs of lines with at least a byte, of the stripped text.
        while first < behind and starts[first] == stops[first]:
            first += 1
        while behind > first and starts[behind - 1] == stops[behind - 1]:
            behind -= 1
        paragraphs, line = 0, first
        while line < behind:
            if begins[line] == ends[line]:
                line += 1
                continue
            start = starts[line] if line == first else begins[line]
            length = -1
            while line < behind and begins[line] < ends[line]:
                length += raw_characters[line] + 1
                line += 1
            stop = ends[line - 1]
            if line == behind:
                stop = stops[line - 1]
                for position in range(stop, ends[line - 1]):
                    length -= (buffer[position] & 0xC0) != 0x80
            if start == starts[first]:
                for position in range(begins[first], start):
                    length -= (buffer[position] & 0xC0) != 0x80
            keys[paragraphs] = _hash(eight, start, stop)
            lengths[paragraphs] = length
            paragraphs += 1
        scratch[:] = 0
        _tally(keys, lengths, paragraphs, table, firsts, often, scratch)
        tally[_DATATROVE_PARAGRAPHS] = max(paragraphs, 1)
        tally[_DATATROVE_PARAGRAPHS + 1] = scratch[0]
        tally[_DATATROVE_PARAGRAPHS + 2] = scratch[1]
    return counts
