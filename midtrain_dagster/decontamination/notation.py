"""Texts as they are meant where they stand in the notation of something else: of the same length.

Items are copied in the form that a file keeps them in: an HTML page, a string of JSON or of a
program, the lines of a typeset page. There words stand between words that nobody reads (``<br>``,
``&nbsp;``), and a word has letters that are not its own (``\\nHow``, ``doesn&#39;t``, ``li-`` and
``tres``). So, before words are read,

- tags of HTML become spaces;
- entities (HTML's, and numbers) and ``\\u`` escapes become their characters;
- the escapes ``\\n``, ``\\r`` and ``\\t`` become spaces, unless they begin a command of TeX
  (``\\nu``, ``\\times``), and escaped or makeshift apostrophes (``doesn\\'t``, ``it`s``) proper
  ones;
- a hyphen and the line's end behind it vanish between two letters. The price is that a compound
  broken at its own hyphen is one word;
- a page's number becomes spaces where it stands alone on its line between hyphens or beside the
  break of a page (a form feed).

What a replacement is shorter by is filled with spaces or with characters that nobody sees, so
places in the text stay what they are. Items and documents are read alike. Time is linear: from each
sign that may begin something a bounded number of bytes is read.
"""

import numpy as np
import polars as pl
import pyarrow as pa

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.decontamination.notation_names import LONGEST_ENTITY, names

LONGEST_TAG = 300
"""Bytes of a tag with its attributes."""

_AMPERSAND, _BACKSLASH, _HYPHEN, _LESS, _GRAVE = (ord(sign) for sign in "&\\-<`")
_TRIGGERS = np.zeros(256, np.bool_)
_TRIGGERS[[_AMPERSAND, _BACKSLASH, _HYPHEN, _LESS, _GRAVE, 0x0A, 0xB4, 0xE2]] = True


def meant(texts: pl.Series) -> pl.Series:
    """A String column without nulls, every text of as many bytes as before."""
    text = text_buffer(texts)
    written = text.buffer.copy()
    if not _rewrite(written, text.offsets, _TRIGGERS, names()):
        return texts
    buffers = [None, pa.py_buffer(text.offsets), pa.py_buffer(written)]
    array = pa.Array.from_buffers(pa.large_string(), len(texts), buffers)
    return pl.Series(texts.name, array, dtype=pl.String)


@inlined
def _is_letter(byte):  # type: ignore[no-untyped-def]
    return 0x61 <= byte | 0x20 <= 0x7A


@inlined
def _is_digit(byte):  # type: ignore[no-untyped-def]
    return 0x30 <= byte <= 0x39


@inlined
def _is_blank(byte):  # type: ignore[no-untyped-def]
    return byte == 0x20 or 0x09 <= byte <= 0x0D


@inlined
def _name_end(buffer, start, end):  # type: ignore[no-untyped-def]
    """Where the ASCII letters and digits stop that begin at ``start``; at most 16 are read."""
    stop = start
    while stop < min(end, start + 16) and (_is_letter(buffer[stop]) or _is_digit(buffer[stop])):
        stop += 1
    return stop


@inlined
def _packed(buffer, start, stop, lowered):  # type: ignore[no-untyped-def]
    """The first eight bytes as one number, letters in lower case if that is asked for."""
    number = np.uint64(0)
    for position in range(start, min(stop, start + 8)):
        byte = buffer[position]
        if lowered and 0x41 <= byte <= 0x5A:
            byte |= 0x20
        number = number << np.uint64(8) | np.uint64(byte)
    return number


@inlined
def _among(number, known):  # type: ignore[no-untyped-def]
    """The number's place in a sorted list, or -1."""
    place = np.searchsorted(known, number)
    return place if place < known.size and known[place] == number else -1


@jit
def _tag_end(buffer, start, end, tags):  # type: ignore[no-untyped-def]
    """Where the tag stops that begins at ``start``, or ``start``."""
    position = start + 1
    if position < end and buffer[position] == 0x2F:
        position += 1
    stop = _name_end(buffer, position, end)
    nameless = stop == position or stop == end  # noqa: PLR1714 (`in` is slow)
    if nameless or _among(_packed(buffer, position, stop, True), tags) < 0:
        return start
    position = stop
    while position < end and _is_blank(buffer[position]) and position - stop < 16:
        position += 1
    if position > stop and position < end and _is_letter(buffer[position]):  # attributes
        while position < end and (_is_letter(buffer[position]) or buffer[position] == _HYPHEN):
            position += 1
            if position - stop > 64:
                return start
        if position == end or buffer[position] != 0x3D:
            return start
        limit = min(end, start + LONGEST_TAG)
        while position < limit and buffer[position] != 0x3E and buffer[position] != _LESS:
            position += 1
    elif position < end and buffer[position] == 0x2F:
        position += 1
    return position + 1 if position < end and buffer[position] == 0x3E else start


@inlined
def _hexadecimal(buffer, start, stop):  # type: ignore[no-untyped-def]
    """The number that hexadecimal digits write, or -1 if they are none."""
    number = np.int64(0) if stop > start else np.int64(-1)
    for position in range(start, stop):
        byte = np.int64(buffer[position])
        if _is_digit(byte):
            digit = byte - 0x30
        elif 0x61 <= byte | 0x20 <= 0x66:
            digit = (byte | 0x20) - 0x57
        else:
            return np.int64(-1)
        number = number * 16 + digit
    return number


@jit
def _entity(buffer, start, end, entities, points):  # type: ignore[no-untyped-def]
    """The character that an entity names, or -1, and where the entity stops."""
    position = start + 1
    if position < end and buffer[position] == 0x23:
        based = position + 1 < end and buffer[position + 1] | 0x20 == 0x78
        first = position + 1 + based
        stop = _name_end(buffer, first, end)
        point = np.int64(-1)
        if 0 < stop - first <= 7:
            if based:
                point = _hexadecimal(buffer, first, stop)
            else:
                point = np.int64(0)
                for index in range(first, stop):
                    digit = np.int64(buffer[index]) - 0x30
                    point = point * 10 + digit if point >= 0 and 0 <= digit <= 9 else np.int64(-1)
    else:
        stop = _name_end(buffer, position, end)
        place = np.int64(-1)
        if 1 < stop - position <= LONGEST_ENTITY:
            place = _among(_packed(buffer, position, stop, False), entities)
        point = points[place] if place >= 0 else np.int64(-1)
    if stop == end or buffer[stop] != 0x3B or not _is_scalar(point):
        return np.int64(-1), start
    return point, stop + 1


@inlined
def _is_scalar(point):  # type: ignore[no-untyped-def]
    return 0 < point < 0xD800 or 0xE000 <= point < 0x110000


@jit
def _unicode_escape(buffer, start, end):  # type: ignore[no-untyped-def]
    """The character that ``\\u`` and four digits write, or two such escapes; -1 and ``start`` if
    there is none."""
    if start + 6 > end:
        return np.int64(-1), start
    point, stop = _hexadecimal(buffer, start + 2, start + 6), start + 6
    if 0xD800 <= point < 0xDC00 and stop + 6 <= end and buffer[stop] == _BACKSLASH:
        low = _hexadecimal(buffer, stop + 2, stop + 6)
        if buffer[stop + 1] == 0x75 and 0xDC00 <= low < 0xE000:
            point, stop = 0x10000 + ((point - 0xD800) << 10) + low - 0xDC00, stop + 6
    return (point, stop) if _is_scalar(point) else (np.int64(-1), start)


@inlined
def _letter_at(buffer, position, end):  # type: ignore[no-untyped-def]
    """Whether a letter begins here, of ASCII or from Latin-1 to Cyrillic."""
    return position < end and (_is_letter(buffer[position]) or 0xC3 <= buffer[position] <= 0xD1)


@inlined
def _letter_before(buffer, position, begin):  # type: ignore[no-untyped-def]
    """Whether such a letter ends here."""
    if position > begin and _is_letter(buffer[position - 1]):
        return True
    return position - 1 > begin and 0xC3 <= buffer[position - 2] <= 0xD1


@jit
def _hyphenation_end(buffer, start, begin, end):  # type: ignore[no-untyped-def]
    """Where the word goes on behind a hyphen and a line's end, or ``start``."""
    position = start + (1 if buffer[start] == _HYPHEN else 3)
    if not _letter_before(buffer, start, begin):
        return start
    lines = 0
    limit = min(end, position + 24)
    while position < limit and (
        _is_blank(buffer[position]) or (lines and buffer[position] == 0x3E)
    ):
        lines += buffer[position] == 0x0A
        position += 1
    return position if lines == 1 and _letter_at(buffer, position, end) else start


@inlined
def _page_number_end(buffer, start, end):  # type: ignore[no-untyped-def]
    """Where a line stops that holds one number alone, between hyphens or beside the break of a
    page, or ``start``."""
    position, digits, numbers, marks = start + 1, 0, 0, 0
    limit = min(end, start + 80)
    while position < limit and buffer[position] != 0x0A:
        byte = buffer[position]
        if _is_digit(byte):
            numbers += not _is_digit(buffer[position - 1])
            digits += 1
        elif byte != _HYPHEN and not _is_blank(byte):
            return start
        marks += 1 if byte == _HYPHEN else 2 if byte == 0x0C else 0
        position += 1
    ends = position < limit or position == end
    return position if ends and numbers == 1 and digits <= 4 and marks >= 2 else start


@jit
def _fill(buffer, start, stop, visible):  # type: ignore[no-untyped-def]
    """Spaces where something stood, or soft hyphens and spaces without width where nothing did."""
    while start < stop:
        room = stop - start
        if visible or room == 1:
            buffer[start] = 0x20
            start += 1
        elif room == 3:
            buffer[start], buffer[start + 1], buffer[start + 2] = 0xE2, 0x80, 0x8B
            start += 3
        else:
            buffer[start], buffer[start + 1] = 0xC2, 0xAD
            start += 2


@jit
def _put(buffer, point, start, stop):  # type: ignore[no-untyped-def]
    """Write a character in the place of what names it, which is no shorter."""
    if point <= 0x20 or point == 0xA0:
        _fill(buffer, start, stop, True)
        return
    length = 1 if point < 0x80 else 2 if point < 0x800 else 3 if point < 0x10000 else 4
    if length == 1:
        buffer[start] = point
    else:
        rest = point
        for step in range(length - 1, 0, -1):
            buffer[start + step] = 0x80 | (rest & 0x3F)
            rest >>= 6
        buffer[start] = ((0xF00 >> length) & 0xFF) | rest
    _fill(buffer, start + length, stop, False)


@jit
def _escape(buffer, start, begin, end, commands):  # type: ignore[no-untyped-def]
    """The character that an escape writes and where it stops; -1 and ``start`` if it is none."""
    kind = buffer[start + 1] | 0x20  # in capitals a text is the same
    if kind == 0x75:
        return _unicode_escape(buffer, start, end)
    if buffer[start + 1] == 0x27:
        inside = start > begin and _is_letter(buffer[start - 1])
        if inside and start + 2 < end and _is_letter(buffer[start + 2]):
            return np.int64(0x2BC), start + 2
    elif kind == 0x6E or kind == 0x72 or kind == 0x74:  # noqa: PLR1714 (`in` is slow)
        stop = start + 1
        while stop < min(end, start + 16) and _is_letter(buffer[stop]):
            stop += 1
        if _among(_packed(buffer, start + 1, stop, True), commands) < 0:
            return np.int64(0x20), start + 2
    return np.int64(-1), start


@jit
def _rewrite(buffer, offsets, triggers, known):  # type: ignore[no-untyped-def]  # noqa: PLR0912
    """Rewrite each document where it stands; returns whether anything has changed."""
    changed = False
    for document in range(offsets.size - 1):
        begin, end = offsets[document], offsets[document + 1]
        position = begin
        while position < end:
            sign = buffer[position]
            if not triggers[sign] or position + 1 == end:
                position += 1
                continue
            start, stop, point = position, position, np.int64(-1)
            if sign == _LESS:
                stop = _tag_end(buffer, start, end, known.tags)
                point = np.int64(0x20)
            elif sign == _AMPERSAND:
                point, stop = _entity(buffer, start, end, known.entities, known.points)
            elif sign == _BACKSLASH:
                point, stop = _escape(buffer, start, begin, end, known.commands)
            elif sign == 0x0A:
                stop = _page_number_end(buffer, start, end)
                point = np.int64(0x20)
            elif sign == _GRAVE or sign == 0xB4:  # noqa: PLR1714 (`in` is slow)
                start -= sign == 0xB4  # the second byte of an acute accent alone
                lone = sign == _GRAVE or (start > begin and buffer[start] == 0xC2)
                inside = start > begin and _is_letter(buffer[start - 1])
                if lone and inside and _is_letter(buffer[position + 1]):
                    point, stop = np.int64(0x27 if sign == _GRAVE else 0x2BC), position + 1
                else:
                    stop = start
            elif sign == _HYPHEN or (
                position + 2 < end and buffer[position + 1] == 0x80 and buffer[position + 2] == 0x90
            ):
                stop = _hyphenation_end(buffer, start, begin, end)
            if stop > start:
                changed = True
                if point < 0:
                    _fill(buffer, start, stop, False)
                else:
                    _put(buffer, point, start, stop)
                position = stop
            else:
                position += 1
    return changed
