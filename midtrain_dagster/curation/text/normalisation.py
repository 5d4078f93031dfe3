"""The form in which two texts are compared: NFC, lower case, single spaces; and its classes.

Punctuation stays: ``a + b`` and ``a - b`` are different documents. What counts as a space is what
`characters` says, so the four ASCII separators (U+001C to U+001F) are spaces too.

One pass over the bytes does it for nearly every document, because NFC and lower case change a
character alone, unless it can join or pass its neighbours: most combining marks, the later parts of
a decomposition, a capital sigma. Only documents with such a character go through Polars first; for
the others a table of what Polars makes of each single character gives the same result. The table
costs a third of a second, once a process.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import polars as pl

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.text.characters import CONTINUATION, SPACE, classify

PADDING = 8
"""Zero bytes after the last text, so that eight bytes can be read at once from any place."""

_TABLED = 0x323B0  # beyond it nothing has a case or a decomposition, and few documents have any
_CONTEXTUAL = np.uint32(1 << 31)
_HIGHEST_MARK = "\u0345"  # of canonical combining class 240: every other mark moves before it


class Normalised(NamedTuple):
    """Normalised texts: document ``i`` is ``buffer[offsets[i]:offsets[i + 1]]``."""

    buffer: np.ndarray
    """uint8, UTF-8, with PADDING zero bytes at the end."""
    offsets: np.ndarray
    """int64, one more than there are documents; the first is 0."""
    classes: np.ndarray
    """uint8, the class (see `characters`) of each byte of the buffer."""


def normalise(texts: pl.Series) -> Normalised:
    """Normalise a String column without nulls (ValueError if it has any)."""
    table = _character_table()
    text = text_buffer(texts)
    contextual = np.flatnonzero(_contextual(text.buffer, text.offsets, table))
    if contextual.size:
        text = text_buffer(texts.scatter(contextual, _composed(texts.gather(contextual))))
    return Normalised(*_normalise(text.buffer, text.offsets, table))


def _composed(texts: pl.Series) -> pl.Series:
    return texts.str.normalize("NFC").str.to_lowercase()


@cache
def _character_table() -> np.ndarray:
    """What becomes of each code point: bits 0 to 23 hold its normal form, 24 to 30 the class of
    that, and 31 whether its neighbours matter (its normal form is then itself). uint32.
    """
    points = np.arange(0x110000, dtype="<u4")
    points[0xD800:0xE000] = 0  # surrogates: no UTF-8 holds them
    characters = pl.Series("character", list(points[:_TABLED].tobytes().decode("utf-32-le")))
    composed, decomposed = _composed(characters), characters.str.normalize("NFD")
    later = decomposed.str.slice(1).str.split("").explode().unique().implode()
    contextual = (
        characters.is_in([*_HIGHEST_MARK, "Σ"])  # a sigma's lower case depends on its place
        | (_HIGHEST_MARK + decomposed != (_HIGHEST_MARK + characters).str.normalize("NFD"))
        | characters.is_in(later)
        | composed.is_in(later)
        | (composed.str.len_chars() != 1)
        | (composed.str.len_bytes() > characters.str.len_bytes())
    )
    alone = characters.zip_with(contextual, composed).str.join().item()
    points[:_TABLED] = np.frombuffer(alone.encode("utf-32-le"), "<u4")
    classes = classify(np.frombuffer(points.tobytes().decode("utf-32-le").encode(), np.uint8))
    table = points | classes[classes != CONTINUATION].astype(np.uint32) << np.uint32(24)
    table[:_TABLED] |= np.where(contextual, _CONTEXTUAL, np.uint32(0))
    table[_TABLED:] |= _CONTEXTUAL
    return table


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
def _contextual(buffer, offsets, table):  # type: ignore[no-untyped-def]
    """Whether each document holds a character that its neighbours may change."""
    found = np.zeros(offsets.size - 1, np.bool_)
    for document in range(found.size):
        position, end = offsets[document], offsets[document + 1]
        bits = np.uint8(0)
        for index in range(position, end):  # vectorised: most documents need no more
            bits |= buffer[index]
        if bits < 0x80:
            continue
        while position < end:
            if buffer[position] < 0x80:
                position += 1
                continue
            point, length = _decode(buffer, position)
            if table[point] & _CONTEXTUAL:
                found[document] = True
                break
            position += length
    return found


@jit
def _normalise(buffer, offsets, table):  # type: ignore[no-untyped-def]
    normal = np.empty(buffer.size + PADDING, np.uint8)  # no character grows
    classes = np.empty(buffer.size + PADDING, np.uint8)
    bounds = np.zeros(offsets.size, np.int64)
    ascii = table[:128].copy()
    ascii_bytes = ascii.astype(np.uint8)
    ascii_classes = (ascii >> np.uint32(24)).astype(np.uint8)
    ascii_bytes[ascii_classes == SPACE] = 0x20
    found = np.int64(0)
    for document in range(offsets.size - 1):
        position, end = offsets[document], offsets[document + 1]
        before = np.uint8(SPACE)  # of spaces one is written, and none at the start
        while position < end:
            byte = buffer[position]
            if byte < 0x80:
                normal[found] = ascii_bytes[byte]
                kind = ascii_classes[byte]
                classes[found] = kind
                found += (kind != SPACE) | (before != SPACE)
                before = kind
                position += 1
                continue
            point, length = _decode(buffer, position)
            position += length
            entry = table[point]
            kind = np.uint8((entry >> np.uint32(24)) & np.uint32(0x7F))
            if kind == SPACE:
                if before != SPACE:
                    normal[found] = 0x20
                    classes[found] = SPACE
                    found += 1
            else:
                written = _encode(np.int64(entry & np.uint32(0xFFFFFF)), normal, found)
                classes[found] = kind
                for step in range(1, written):
                    classes[found + step] = CONTINUATION
                found += written
            before = kind
        if found > bounds[document] and before == SPACE:
            found -= 1
        bounds[document + 1] = found
    normal[found : found + PADDING] = 0
    classes[found : found + PADDING] = 0
    return normal[: found + PADDING], bounds, classes[: found + PADDING]
