"""Text as the kernels read it: one ASCII byte for each sign that only looks different.

Spaces, hyphens, digits and full-width forms of every script become their ASCII counterparts, and
what has no width (soft hyphens, joiners, marks of direction) vanishes, so that a number with
no-break spaces or Arabic digits is the same number. All else stays as it is. Spans in the folded
text lead back to spans in the text as written.
"""

import unicodedata
from functools import cache
from typing import NamedTuple

import numpy as np

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text

_KEPT, _REMOVED = 0, 1
_PLANE = 0x10000
"""Only the basic plane is folded; beyond it are no spaces or hyphens, and digits for formulas."""

_HYPHENS = "\u2010\u2011\u2012\u2013\u2212\ufe58\ufe63\uff0d"


class Folded(NamedTuple):
    """A folded text and the way back."""

    text: Text
    written: np.ndarray
    """The bytes as written."""
    cuts: np.ndarray
    """int64, places in the folded bytes from which on the next shift holds; ascending."""
    shifts: np.ndarray
    """int64, what is added to a place from the cut of the same number on."""

    def spans(self, bounds: np.ndarray) -> np.ndarray:
        """Spans in the text as written (starts and stops, shape (spans, 2)); none is empty.

        What vanishes in a span belongs to it, what vanishes at its edges does not.
        """
        last = self._places(bounds[:, 1] - 1)
        # What is folded begins with the first byte of a sign, all else is its own last byte.
        first = self.written[last]
        stops = last + 1 + (first >= 0xC0) + (first >= 0xE0)
        return np.stack((self._places(bounds[:, 0]), stops), axis=1)

    def _places(self, places: np.ndarray) -> np.ndarray:
        number = self.cuts.searchsorted(places, side="right")
        shifted: np.ndarray = places + np.concatenate(([0], self.shifts))[number]
        return shifted


def folded(text: Text) -> Folded:
    """Fold a text; one that has nothing to fold is returned without a copy."""
    nothing = np.zeros(0, np.int64)
    room = int(np.count_nonzero(text.buffer >= 0xC2))  # first bytes of signs that are not ASCII
    if not room:
        return Folded(text, text.buffer, nothing, nothing)
    buffer = np.empty(text.buffer.size, np.uint8)
    offsets = np.zeros_like(text.offsets)
    cuts, shifts = np.empty(room, np.int64), np.empty(room, np.int64)
    size, found = _fold(text.buffer, text.offsets, stand_ins(), buffer, offsets, cuts, shifts)
    if not found:
        return Folded(text, text.buffer, nothing, nothing)
    kept = buffer[:size]
    kept.flags.writeable = False
    return Folded(Text(kept, offsets), text.buffer, cuts[:found], shifts[:found])


@cache
def stand_ins() -> np.ndarray:
    """By code point of the basic plane: an ASCII byte, 1 for what vanishes, 0 for what stays."""
    table = np.full(_PLANE, _KEPT, np.uint8)
    for point in range(0x80, _PLANE):
        sign = chr(point)
        category = unicodedata.category(sign)
        if category == "Zs":
            table[point] = ord(" ")
        elif category == "Nd":
            table[point] = ord("0") + unicodedata.decimal(sign)
        elif category == "Cf":
            table[point] = _REMOVED
        elif 0xFF01 <= point <= 0xFF5E:
            table[point] = point - 0xFF01 + ord("!")
    table[[ord(hyphen) for hyphen in _HYPHENS]] = ord("-")
    table[[0x034F, *range(0xFE00, 0xFE10)]] = _REMOVED  # the joiner of graphemes, variants
    return table


@cache
def word_signs() -> np.ndarray:
    """By code point of the basic plane: whether it belongs to a word that spaces part from others.

    Letters, marks and digits do. Scripts written without spaces do not, nor Hangul, whose particles
    are written onto what they follow: a number beside them stands alone.
    """
    table = np.zeros(_PLANE, np.bool_)
    spaced = [(0, 0x0E00), (0x10A0, 0x1100), (0x1200, 0x1780), (0x1800, 0x1950), (0x1B00, 0x2000)]
    spaced += [(0x2C00, 0x2E00), (0xA4D0, 0xA960), (0xAB30, 0xAC00), (0xFB00, 0xFE00)]
    spaced += [(0xFE70, 0xFF00)]
    for first, stop in spaced:
        for point in range(first, stop):
            table[point] = unicodedata.category(chr(point))[0] in "LMN"
    table[ord("_")] = True
    return table


@inlined
def _width(byte):  # type: ignore[no-untyped-def]
    """The bytes of a sign, not of ASCII, by its first."""
    if byte < 0xE0:
        return 2
    return 3 if byte < 0xF0 else 4


@inlined
def _point(buffer, position, width):  # type: ignore[no-untyped-def]
    """The code point of a sign of two or three bytes, as an int."""
    if width == 2:
        return (int(buffer[position]) & 0x1F) << 6 | int(buffer[position + 1]) & 0x3F
    high = (int(buffer[position]) & 0x0F) << 12 | (int(buffer[position + 1]) & 0x3F) << 6
    return high | int(buffer[position + 2]) & 0x3F


@jit
def _fold(buffer, offsets, table, out, bounds, cuts, shifts):  # type: ignore[no-untyped-def]
    """Fill ``out``, ``bounds``, ``cuts`` and ``shifts``; returns the bytes and cuts filled."""
    size, found = 0, 0
    for document in range(offsets.size - 1):
        position, end = offsets[document], offsets[document + 1]
        while position < end:
            while position < end and buffer[position] < 0x80:
                out[size] = buffer[position]
                size += 1
                position += 1
            if position == end:
                break
            width = _width(buffer[position])
            stand_in = 0
            if width < 4:
                stand_in = int(table[_point(buffer, position, width)])
            if stand_in == 0:
                for index in range(position, position + width):
                    out[size] = buffer[index]
                    size += 1
                position += width
                continue
            position += width
            if stand_in != 1:
                out[size] = stand_in
                size += 1
            if found and cuts[found - 1] == size:
                found -= 1
            cuts[found] = size
            shifts[found] = position - size
            found += 1
        bounds[document + 1] = size
    return size, found
