"""Citations of Wikipedia's kind, ``[1]``, ``[]``, ``[edit]``, ``[citation needed]``: where they lie
in lines, and those lines without them.

They are those of datatrove's C4 filter. Few lines have any, so what is asked of a line without its
citations is asked of it once more on a copy of those lines.
"""

from typing import NamedTuple

import numpy as np

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text
from midtrain_dagster.curation.text.lines import SQUARE_BRACKET, Lines

_WORDS = ("edit]", "citation needed]")
_WORD_BYTES = np.frombuffer("".join(_WORDS).encode(), np.uint8)
_WORD_BOUNDS = np.cumsum([0] + [len(word) for word in _WORDS])


class Citations(NamedTuple):
    """All citations of some lines, in order: line ``i`` has ``offsets[i]:offsets[i + 1]``."""

    offsets: np.ndarray
    """int64, one more than there are lines."""
    starts: np.ndarray
    """int64, where each citation starts, in bytes of the buffer."""
    stops: np.ndarray
    """int64, where it stops, behind its bracket."""


def find(text: Text, lines: Lines) -> Citations:
    """Find the citations of each line."""
    bracketed = (lines.brackets & SQUARE_BRACKET) > 0
    spans = (lines.starts, lines.stops)
    return Citations(*_find(text.buffer, bracketed, *spans, _WORD_BYTES, _WORD_BOUNDS))


def without(text: Text, lines: Lines, citations: Citations) -> tuple[np.ndarray, Text]:
    """The lines that hold citations, stripped and without them: which they are (their numbers), and
    a text for each."""
    numbers = np.flatnonzero(np.diff(citations.offsets))
    buffer, offsets = _without(text.buffer, numbers, lines.starts, lines.stops, *citations)
    buffer.flags.writeable = False
    return numbers, Text(buffer, offsets)


@inlined
def _stop(buffer, start, stop, words, bounds):  # type: ignore[no-untyped-def]
    """Where the citation that begins at ``start`` ends, or ``start`` if none does."""
    position = start + 1
    while position < stop and 0x30 <= buffer[position] <= 0x39:
        position += 1
    if position < stop and buffer[position] == 0x5D:
        return position + 1
    for word in range(bounds.size - 1):
        size = bounds[word + 1] - bounds[word]
        same = start + 1 + size <= stop
        for index in range(size if same else 0):
            same &= buffer[start + 1 + index] == words[bounds[word] + index]
        if same:
            return start + 1 + size
    return start


@jit
def _find(buffer, bracketed, starts, stops, words, bounds):  # type: ignore[no-untyped-def]
    room = 0
    for line in range(starts.size):
        if bracketed[line]:
            for position in range(starts[line], stops[line]):
                room += buffer[position] == 0x5B
    offsets = np.zeros(starts.size + 1, np.int64)
    found_starts = np.empty(room, np.int64)
    found_stops = np.empty(room, np.int64)
    found = 0
    for line in range(starts.size):
        position = starts[line]
        while bracketed[line] and position < stops[line]:
            behind = position
            if buffer[position] == 0x5B:
                behind = _stop(buffer, position, stops[line], words, bounds)
            if behind > position:
                found_starts[found], found_stops[found] = position, behind
                found += 1
                position = behind
            else:
                position += 1
        offsets[line + 1] = found
    return offsets, found_starts[:found], found_stops[:found]


@jit
def _without(  # type: ignore[no-untyped-def]
    buffer, numbers, starts, stops, offsets, citation_starts, citation_stops
):
    room = 0
    for number in numbers:
        room += stops[number] - starts[number]
    kept = np.empty(room, np.uint8)
    bounds = np.zeros(numbers.size + 1, np.int64)
    size = 0
    for index in range(numbers.size):
        line = numbers[index]
        position = starts[line]
        for citation in range(offsets[line], offsets[line + 1] + 1):
            last = citation == offsets[line + 1]
            until = stops[line] if last else citation_starts[citation]
            kept[size : size + until - position] = buffer[position:until]
            size += until - position
            if not last:
                position = citation_stops[citation]
        bounds[index + 1] = size
    return kept[:size], bounds
