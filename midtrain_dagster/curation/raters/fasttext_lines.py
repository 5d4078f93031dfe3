"""Texts as fastText reads them: one line each, without fastText's own marks.

The same lines are trained on and rated, or the two would see different texts. A literal ``</s>``
would end a line before its end, and ``__label__`` would let a text label itself.

``plain_lines`` changes no more than that. ``token_lines`` writes lower-case tokens, punctuation set
apart by spaces: fastText divides a line at white space only, so ``word.`` and ``word`` would be two
features. Every character that is no part of a word becomes a token of its own, and white space of
any kind and length one space.

One pass over the bytes does it, at several times the speed of regular expressions. What a word is,
a space, and the lower case of a character are asked of Polars (Rust's ``\\w``, ``\\s`` and
``to_lowercase``) once a process. Lower case goes character by character: a final capital sigma
becomes a plain one, and a dotted capital I loses its dot.
"""

from functools import cache

import numpy as np
import polars as pl

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text

_SPACE = 0
_APART = 1 << 24
_MARK = np.frombuffer(b"__label__", np.uint8)
_END = np.frombuffer(b"</s>", np.uint8)


def plain_lines(text: Text) -> Text:
    """Each document as it is, in one line with single spaces, none at its ends.

    White space is what fastText takes for it: that of ASCII, and the zero byte. Its marks
    ``__label__`` and ``</s>`` become spaces, also within a word.
    """
    return Text(*_plain_lines(text.buffer, text.offsets, _MARK, _END))


def token_lines(text: Text) -> Text:
    """Each document as one line of tokens with single spaces between them, none at its ends.

    fastText's own mark ``__label__`` becomes a space, so no text can label itself; ``</s>`` falls
    apart into tokens.
    """
    return Text(*_token_lines(text.buffer, text.offsets, _characters(), _MARK))


@cache
def _characters() -> np.ndarray:
    """What each code point becomes: its lower case, with _APART if it stands apart, or _SPACE."""
    points = np.delete(np.arange(0x110000), slice(0xD800, 0xE000))  # without the surrogates
    table = pl.DataFrame({"character": [chr(point) for point in points]}).select(
        lower=pl.col("character").str.to_lowercase().str.head(1),
        word=pl.col("character").str.contains(r"\w"),
        space=pl.col("character").str.contains(r"[\s\x00]"),
    )
    lower = np.frombuffer("".join(table["lower"]).encode("utf-32-le"), "<u4").astype(np.int32)
    characters = np.zeros(0x110000, np.int32)
    characters[points] = np.where(table["word"], lower, lower | _APART)
    characters[points[table["space"]]] = _SPACE
    return characters


@inlined
def _read(buffer, position):  # type: ignore[no-untyped-def]
    """The code point at a position of valid UTF-8, and its bytes."""
    point = np.int64(buffer[position])
    if point < 0x80:
        return point, 1
    if point < 0xE0:
        point, length = point & 0x1F, 2
    elif point < 0xF0:
        point, length = point & 0x0F, 3
    else:
        point, length = point & 0x07, 4
    for step in range(1, length):
        point = (point << 6) | (np.int64(buffer[position + step]) & 0x3F)
    return point, length


@inlined
def _write(lines, position, point):  # type: ignore[no-untyped-def]
    """Write a code point in UTF-8; returns where it ends."""
    if point < 0x80:
        lines[position] = point
        return position + 1
    if point < 0x800:
        lines[position] = 0xC0 | (point >> 6)
        length = 2
    elif point < 0x10000:
        lines[position] = 0xE0 | (point >> 12)
        length = 3
    else:
        lines[position] = 0xF0 | (point >> 18)
        length = 4
    for step in range(1, length):
        lines[position + step] = 0x80 | ((point >> (6 * (length - 1 - step))) & 0x3F)
    return position + length


@inlined
def _is_mark(buffer, position, end, characters, mark):  # type: ignore[no-untyped-def]
    same = 0
    while (
        same < mark.size
        and position + same < end
        and (characters[buffer[position + same]] == mark[same])
    ):
        same += 1
    return same == mark.size


@inlined
def _is_there(buffer, position, end, mark):  # type: ignore[no-untyped-def]
    same = 0
    while same < mark.size and position + same < end and buffer[position + same] == mark[same]:
        same += 1
    return same == mark.size


@jit
def _plain_lines(buffer, bounds, label, end_of_line):  # type: ignore[no-untyped-def]
    lines = np.empty(buffer.size, np.uint8)
    offsets = np.zeros(bounds.size, np.int64)
    is_space = np.zeros(0x21, np.bool_)
    for space in (0, 9, 10, 11, 12, 13, 32):
        is_space[space] = True
    written = 0
    for document in range(bounds.size - 1):
        position, end = bounds[document], bounds[document + 1]
        space_due = False
        while position < end:
            byte = buffer[position]
            length = 0
            if byte <= 0x20 and is_space[byte]:
                length = 1
            elif byte == label[0] and _is_there(buffer, position, end, label):
                length = label.size
            elif byte == end_of_line[0] and _is_there(buffer, position, end, end_of_line):
                length = end_of_line.size
            if length:
                space_due = True
                position += length
                continue
            if space_due and written > offsets[document]:
                lines[written] = 0x20
                written += 1
            space_due = False
            lines[written] = byte
            written += 1
            position += 1
        offsets[document + 1] = written
    return lines[:written], offsets


@jit
def _token_lines(buffer, bounds, characters, mark):  # type: ignore[no-untyped-def]
    # At worst a space is put before each byte, or one before two bytes that become three.
    lines = np.empty(2 * buffer.size, np.uint8)
    offsets = np.zeros(bounds.size, np.int64)
    written = 0
    for document in range(bounds.size - 1):
        position, end = bounds[document], bounds[document + 1]
        space_due = False
        while position < end:
            point, length = _read(buffer, position)
            lower = characters[point]
            if point == mark[0] and _is_mark(buffer, position, end, characters, mark):
                lower, length = np.int32(_SPACE), mark.size
            position += length
            if lower == _SPACE:
                space_due = True
                continue
            apart = lower >= _APART
            if (space_due or apart) and written > offsets[document]:
                lines[written] = 0x20
                written += 1
            space_due = apart
            written = _write(lines, written, lower & (_APART - 1))
        offsets[document + 1] = written
    return lines[:written], offsets
