"""Words between the boundaries of Unicode's rules (UAX #29, section 4), without those that begin
with another character than a letter or number: what DCLM asks its rules on repetition of.

DCLM takes the segments of the package ``uniseg`` and keeps those whose first character is
alphanumeric. So ``3.14``, ``snake_case`` and ``e.g`` are one word each, ``_name`` is none, and each
Han or Thai letter is a word of its own. The properties of characters are those of the package
``regex``, which knows Word_Break; they are read when the first such words are asked for.
"""

import sys
from functools import cache

import numpy as np

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text
from midtrain_dagster.curation.text.words import Words, described

VALUES = (
    "Other",
    "ALetter",
    "Hebrew_Letter",
    "Numeric",
    "Katakana",
    "ExtendNumLet",
    "MidLetter",
    "MidNum",
    "MidNumLet",
    "Single_Quote",
    "Double_Quote",
    "Regional_Indicator",
    "Extend",
    "Format",
    "ZWJ",
    "WSegSpace",
    "CR",
    "LF",
    "Newline",
)
"""The values of Word_Break, in the order by which the kernel compares them."""

(
    _OTHER,
    _ALETTER,
    _HEBREW,
    _NUMERIC,
    _KATAKANA,
    _EXTENDER,
    _MID_LETTER,
    _MID_NUMBER,
    _MID_BOTH,
    _SINGLE,
    _DOUBLE,
    _REGIONAL,
    _EXTEND,
    _FORMAT,
    _JOINER,
    _SPACE,
    _CR,
    _LF,
    _NEWLINE,
) = range(len(VALUES))

ALPHANUMERIC, PICTOGRAPHIC, BREAK = 0x80, 0x40, 0x1F
"""The bits of a character's entry in the table; the last five are its Word_Break."""


def split(text: Text, classes: np.ndarray) -> Words:
    """Find the words of each document; ``classes`` are the buffer's (`characters`)."""
    offsets, starts, stops = _split(text.buffer, text.offsets, properties())
    return described(text, offsets, starts, stops, classes)


@cache
def properties() -> np.ndarray:
    """uint8 for every code point: its Word_Break, and the bits of what else is asked of it."""
    import regex

    points = "".join(map(chr, range(sys.maxunicode + 1)))
    table = np.zeros(len(points), np.uint8)
    for value, name in enumerate(VALUES):
        if value:
            for found in regex.finditer(rf"\p{{Word_Break={name}}}+", points):
                table[found.start() : found.end()] = value
    for found in regex.finditer(r"\p{Extended_Pictographic}+", points):
        table[found.start() : found.end()] |= PICTOGRAPHIC
    table |= np.fromiter(map(str.isalnum, points), np.bool_, len(points)) * np.uint8(ALPHANUMERIC)
    return table


@inlined
def _read(buffer, position):  # type: ignore[no-untyped-def]
    """The code point of the character at ``position``, and where the next one begins."""
    point = np.int64(buffer[position])
    if point < 0x80:
        return point, position + 1
    size = 2 if point < 0xE0 else 3 if point < 0xF0 else 4
    point &= 0xFF >> (size + 1)
    for step in range(1, size):
        point = (point << 6) | (np.int64(buffer[position + step]) & 0x3F)
    return point, position + size


@inlined
def _following(buffer, position, end, table):  # type: ignore[no-untyped-def]
    """The Word_Break of the next character that is not passed over (WB4)."""
    kind = _OTHER
    while position < end:
        point, position = _read(buffer, position)
        kind = np.int64(table[point]) & BREAK
        if not _EXTEND <= kind <= _JOINER:
            break
        kind = _OTHER
    return kind


@inlined
def _is_letter(kind):  # type: ignore[no-untyped-def]
    return _ALETTER <= kind <= _HEBREW


@inlined
def _joined(before, kind):  # type: ignore[no-untyped-def]
    """Whether two neighbours belong to one word whatever stands around them: WB5, 8-10, 13-13b."""
    plain = _ALETTER <= before <= _NUMERIC and _ALETTER <= kind <= _NUMERIC
    extended = kind == _EXTENDER and _ALETTER <= before <= _EXTENDER
    extending = before == _EXTENDER and _ALETTER <= kind <= _EXTENDER
    return plain or extended or extending or (before == _KATAKANA and kind == _KATAKANA)


@inlined
def _word_end(buffer, position, end, table):  # type: ignore[no-untyped-def]  # noqa: PLR0912
    """Where the segment that begins at ``position`` ends."""
    point, position = _read(buffer, position)
    last = np.int64(table[point]) & BREAK  # of the character before
    before = last  # of the last one that is not passed over
    bridged = False  # whether that joins what follows, by WB7, WB7c or WB11
    flags = 1 if before == _REGIONAL else 0
    while position < end:
        point, behind = _read(buffer, position)
        entry = np.int64(table[point])
        kind = entry & BREAK
        if last >= _CR or kind >= _CR:
            if not (last == _CR and kind == _LF):
                break
        elif (last == _JOINER and entry & PICTOGRAPHIC) or (last == _SPACE and kind == _SPACE):
            before, bridged = kind, False
        elif _EXTEND <= kind <= _JOINER:
            last = kind
            position = behind
            continue
        elif bridged or _joined(before, kind):
            bridged = False
            before = kind
        elif _is_letter(before) and (kind in (_MID_LETTER, _MID_BOTH, _SINGLE)):
            if _is_letter(_following(buffer, behind, end, table)):
                bridged = True
            elif not (before == _HEBREW and kind == _SINGLE):
                break
            before = kind
        elif before == _HEBREW and kind == _DOUBLE:
            if _following(buffer, behind, end, table) != _HEBREW:
                break
            before, bridged = kind, True
        elif before == _NUMERIC and kind in (_MID_NUMBER, _MID_BOTH, _SINGLE):
            if _following(buffer, behind, end, table) != _NUMERIC:
                break
            before, bridged = kind, True
        elif before == _REGIONAL and kind == _REGIONAL and flags == 1:
            flags = 2
        else:
            break
        last = kind
        position = behind
    return position


@jit
def _split(buffer, bounds, table):  # type: ignore[no-untyped-def]
    documents = bounds.size - 1
    offsets = np.zeros(documents + 1, np.int64)
    starts = np.empty(buffer.size, np.int64)
    stops = np.empty(buffer.size, np.int64)
    found = 0
    for document in range(documents):
        position, end = bounds[document], bounds[document + 1]
        while position < end:
            start = position
            point, _ = _read(buffer, start)
            position = _word_end(buffer, start, end, table)
            if table[point] & ALPHANUMERIC:
                starts[found], stops[found] = start, position
                found += 1
        offsets[document + 1] = found
    return offsets, starts[:found].copy(), stops[:found].copy()
