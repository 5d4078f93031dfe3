"""The form in which two texts are compared: NFKC_Casefold, single spaces; and its classes.

Case, width, normal form and invisible characters do not make two texts different (see `casefold`).
Punctuation stays: ``a + b`` and ``a - b`` are different documents. So do accents: whoever compares
without them folds them in what is made here. What counts as a space is what `characters` says, so
the four ASCII separators (U+001C to U+001F) are spaces too. The price of compatibility is that
``x²`` and ``x2`` are one text.

One pass over the bytes does it. A character that nothing else touches is written from a table;
where one joins what stands before it (a combining mark, a later part of a Hangul syllable, an
ignorable character), the two and all that follow them are taken apart, put into canonical order and
composed (UAX #15). A character is part of one such cluster only, and long runs of marks are sorted
by merging, so the time is linear, whatever the text.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.text.casefold import (
    CLUSTER,
    COMBINING,
    JOINING,
    SUBSCRIPT,
    casefold_tables,
)
from midtrain_dagster.curation.text.characters import CONTINUATION, SPACE

PADDING = 8
"""Zero bytes after the last text, so that eight bytes can be read at once from any place."""

_POINT = np.uint32(0x1FFFFF)
_DOT_ABOVE = 0x307
_MOST_PARTS = 6  # a byte, those of U+FDFA: 18 of 3 bytes


class Normalised(NamedTuple):
    """Normalised texts: document ``i`` is ``buffer[offsets[i]:offsets[i + 1]]``."""

    buffer: np.ndarray
    """uint8, UTF-8, with PADDING zero bytes at the end."""
    offsets: np.ndarray
    """int64, one more than there are documents; the first is 0."""
    classes: np.ndarray
    """uint8, the class (see `characters`) of each byte of the buffer."""


class Sources(NamedTuple):
    """Where each byte of normalised texts comes from, in bytes of the column's own buffer."""

    starts: np.ndarray
    """int64, where the character, or the cluster of characters, begins that the byte is made of."""
    stops: np.ndarray
    """int64, where it ends."""


def normalise(texts: pl.Series) -> Normalised:
    """Normalise a String column without nulls (ValueError if it has any)."""
    return _in_room(texts, None)


def normalise_with_sources(texts: pl.Series) -> tuple[Normalised, Sources]:
    """As `normalise`, and where each byte comes from. Takes twenty bytes of memory for a byte."""
    size = normalise(texts).buffer.size
    sources = Sources(np.empty(size, np.int64), np.empty(size, np.int64))
    return _in_room(texts, sources), sources


def _in_room(texts: pl.Series, sources: Sources | None) -> Normalised:
    """Few texts grow, and none much: the next room is twice as large."""
    text = text_buffer(texts)
    room = text.buffer.size + PADDING
    while True:
        made = _normalise(text.buffer, text.offsets, casefold_tables(), room, sources)
        if made[0].size:
            return Normalised(*made)
        room *= 2


@inlined
def _decode(buffer, position):  # type: ignore[no-untyped-def]
    """The code point of more than one byte at ``position``, and how many it has."""
    first = np.int64(buffer[position])
    if first < 0xE0:
        point, length = first & 0x1F, 2
    elif first < 0xF0:
        point, length = first & 0x0F, 3
    else:
        point, length = first & 0x07, 4
    for step in range(1, length):
        point = (point << 6) | (np.int64(buffer[position + step]) & 0x3F)
    return point, length


@inlined
def _encode(point, buffer, position):  # type: ignore[no-untyped-def]
    """Write a code point at ``position``; returns how many bytes it has."""
    if point < 0x80:
        buffer[position] = point
        return 1
    length = 2 if point < 0x800 else 3 if point < 0x10000 else 4
    for step in range(length - 1, 0, -1):
        buffer[position + step] = 0x80 | (point & 0x3F)
        point >>= 6
    buffer[position] = ((0xF00 >> length) & 0xFF) | point
    return length


@jit
def _gathered(buffer, position, end, tables, parts):  # type: ignore[no-untyped-def]
    """Write the parts of the character at ``position`` and of all that join it.

    Returns where they end, and their number.
    """
    count = 0
    start = position
    while position < end:
        if buffer[position] < 0x80:
            point, length = np.int64(buffer[position]), 1
        else:
            point, length = _decode(buffer, position)
        if position > start and not tables.written[point] & np.uint32(JOINING):
            break
        first, stop = tables.first[point], tables.first[point + 1]
        for index in range(first, stop):
            parts[count] = tables.parts[index]
            count += 1
        position += length
    return position, count


@jit
def _order(parts, count):  # type: ignore[no-untyped-def]
    """Canonical ordering: each run of marks, sorted by combining class."""
    shift = np.uint32(COMBINING)
    start = 0
    while start < count:
        stop = start
        while stop < count and parts[stop] >> shift:
            stop += 1
        if stop - start > 16:
            order = np.argsort(parts[start:stop] >> shift, kind="mergesort")
            parts[start:stop] = parts[start:stop][order]
        else:
            for index in range(start + 1, stop):
                part = parts[index]
                place = index
                while place > start and parts[place - 1] >> shift > part >> shift:
                    parts[place] = parts[place - 1]
                    place -= 1
                parts[place] = part
        start = stop + 1


@inlined
def _pair(one, two, tables):  # type: ignore[no-untyped-def]
    """What two characters compose to, or 0."""
    if 0x1161 <= two <= 0x1175:
        if 0x1100 <= one <= 0x1112:
            return 0xAC00 + ((one - 0x1100) * 21 + two - 0x1161) * 28
        return 0
    if 0x11A8 <= two <= 0x11C2:
        if 0xAC00 <= one <= 0xD7A3 and (one - 0xAC00) % 28 == 0:
            return one + two - 0x11A7
        return 0
    key = np.uint64(one << 21 | two)
    index = np.searchsorted(tables.pairs, key)
    if index < tables.pairs.size and tables.pairs[index] == key:
        return np.int64(tables.composed[index])
    return 0


@jit
def _compose(parts, count, tables):  # type: ignore[no-untyped-def]
    """Canonical composition in place; returns how many characters are left."""
    kept = 0
    starter = -1
    before = 0
    for index in range(count):
        point = np.int64(parts[index] & _POINT)
        combining = np.int64(parts[index] >> np.uint32(COMBINING))
        if combining == SUBSCRIPT:
            combining = 0
        if point == _DOT_ABOVE and kept and parts[kept - 1] == ord("i"):
            continue
        if starter >= 0 and (kept - 1 == starter or before < combining):
            both = _pair(np.int64(parts[starter]), point, tables)
            if both:
                parts[starter] = both
                continue
        if combining == 0:
            starter = kept
        before = combining
        parts[kept] = point
        kept += 1
    return kept


@inlined
def _put(point, kind, normal, classes, found):  # type: ignore[no-untyped-def]
    """Write a character of this class; returns where the next one goes."""
    length = _encode(point, normal, found)
    classes[found] = kind
    for step in range(1, length):
        classes[found + step] = CONTINUATION
    return found + length


@inlined
def _before(buffer, position):  # type: ignore[no-untyped-def]
    """Where the character before this place begins."""
    position -= 1
    while buffer[position] & 0xC0 == 0x80:
        position -= 1
    return position


@jit
def _put_cluster(parts, count, tables, normal, classes, found, before):  # type: ignore[no-untyped-def]
    """Write a cluster's characters; returns where the next one goes, and the last one's class."""
    for index in range(count):
        kind = tables.classes[parts[index]]
        if kind != SPACE:
            found = _put(np.int64(parts[index]), kind, normal, classes, found)
        elif before != SPACE:
            found = _put(0x20, kind, normal, classes, found)
        before = kind
    return found, before


@jit
def _normalise(buffer, offsets, tables, room, sources):  # type: ignore[no-untyped-def]  # noqa: PLR0915
    """The normal form and its classes in a room of so many bytes, or empty ones if it is short."""
    normal = np.empty(room, np.uint8)
    classes = np.empty(room, np.uint8)
    bounds = np.zeros(offsets.size, np.int64)
    parts = np.empty(_MOST_PARTS * buffer.size, np.uint32)  # what is not written takes no memory
    ascii = tables.written[:128].copy()
    ascii_classes = (ascii >> np.uint32(24)).astype(np.uint8)
    ascii_bytes = ascii.astype(np.uint8)
    ascii_bytes[ascii_classes == SPACE] = 0x20
    written = tables.written
    found = np.int64(0)
    for document in range(offsets.size - 1):
        position, end = offsets[document], offsets[document + 1]
        before = np.uint8(SPACE)  # of spaces one is written, and none at the start
        while position < end:
            start, first = position, found
            byte = buffer[position]
            if byte < 0x80:
                normal[found] = ascii_bytes[byte]
                kind = ascii_classes[byte]
                classes[found] = kind
                found += (kind != SPACE) | (before != SPACE)
                before = kind
                position += 1
                if sources is not None:
                    sources.starts[first] = start
                    sources.stops[first] = position
                continue
            point, length = _decode(buffer, position)
            entry = written[point]
            if entry < CLUSTER:
                position += length
                kind = np.uint8(entry >> np.uint32(24))
                if kind != SPACE:
                    found = _put(np.int64(entry & _POINT), kind, normal, classes, found)
                elif before != SPACE:
                    found = _put(0x20, kind, normal, classes, found)
                before = kind
            else:
                if entry & np.uint32(JOINING) and before != SPACE:
                    start, first = _before(buffer, start), _before(normal, found)
                position, count = _gathered(buffer, start, end, tables, parts)
                _order(parts, count)
                count = _compose(parts, count, tables)
                if first + 4 * count + buffer.size - position + PADDING > room:
                    return normal[:0], bounds, classes[:0]
                found, before = _put_cluster(parts, count, tables, normal, classes, first, before)
            if sources is not None:
                sources.starts[first:found] = start
                sources.stops[first:found] = position
        if found > bounds[document] and before == SPACE:
            found -= 1
        bounds[document + 1] = found
    normal[found : found + PADDING] = 0
    classes[found : found + PADDING] = 0
    used = found + PADDING
    return normal[:used], bounds, classes[:used]
