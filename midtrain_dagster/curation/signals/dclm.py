"""What DCLM's rules of Gopher quality count (Li et al. 2024, arXiv 2406.11794; its published
filters), on the words that each of them takes.

The number of words is that of fastText's: runs without ASCII white space or NUL, of which those
count that begin with a letter or number. The mean length, the share with a letter, symbols a word
and stop words go by Python's ``split``: runs without any white space, punctuation included. Symbols
are ``#``, ``...``, ``. . .`` and the sign for an ellipsis, together. Lines are what stands between
newlines, stripped, without blank ones; four bullets are known. A word is a stop word in any case of
letters, and each occurrence counts.
"""

from functools import cache

import numpy as np

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text
from midtrain_dagster.curation.signals.lexicon import STOP_WORDS
from midtrain_dagster.curation.text.lines import Lines

COUNTS = (
    "words",
    "runs",
    "run_characters",
    "alphabetic_runs",
    "stop_runs",
    "symbols",
    "lines",
    "bullet_lines",
    "ellipsis_lines",
)
"""The columns of what `count` gives: ``words`` are fastText's, ``runs`` Python's."""

(
    _WORDS,
    _RUNS,
    _CHARACTERS,
    _ALPHABETIC,
    _STOP,
    _SYMBOLS,
    _LINES,
    _BULLETS,
    _ELLIPSES,
) = range(len(COUNTS))

_LONGEST = max(map(len, STOP_WORDS))

_KEYS = np.array([int.from_bytes(word.encode(), "big") for word in STOP_WORDS], np.uint64)
"""A stop word's letters as a number; none has more than eight."""

_ALPHABETIC_BIT, _ALPHANUMERIC_BIT, _SPACE_BIT = 1, 2, 4


def count(text: Text, lines: Lines) -> np.ndarray:
    """Count all of these in each document: int64 of shape (documents, len(COUNTS)).

    ``lines`` are those between newlines.
    """
    spans = (lines.offsets, lines.starts, lines.stops)
    return _count(text.buffer, text.offsets, *spans, _table(), _KEYS)


@cache
def _table() -> np.ndarray:
    """uint8 for every code point: the bits of what Python's methods of strings say of it."""
    points = list(map(chr, range(0x110000)))
    asked = (str.isalpha, str.isalnum, str.isspace)
    bits = [
        np.fromiter(map(ask, points), np.uint8, len(points)) << n for n, ask in enumerate(asked)
    ]
    table: np.ndarray = np.bitwise_or.reduce(bits)
    return table


@inlined
def _dots(buffer, position, end):  # type: ignore[no-untyped-def]
    """Whether ``. . .`` begins at ``position``."""
    return (
        position + 5 <= end
        and buffer[position] == 0x2E
        and buffer[position + 1] == 0x20
        and buffer[position + 2] == 0x2E
        and buffer[position + 3] == 0x20
        and buffer[position + 4] == 0x2E
    )


@jit
def _count(  # type: ignore[no-untyped-def]  # noqa: PLR0912, PLR0915
    buffer, bounds, offsets, starts, stops, table, keys
):
    documents = bounds.size - 1
    counts = np.zeros((documents, 9), np.int64)
    for document in range(documents):
        tally = counts[document]
        position, end = bounds[document], bounds[document + 1]
        length, letters, key, alphabetic = 0, 0, np.uint64(0), False
        in_word, dots, spaced = False, 0, bounds[document]
        while position <= end:
            blank = True
            if position < end:
                byte = np.int64(buffer[position])
                point, size = byte, 1
                if byte >= 0x80:
                    size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
                    point = byte & (0xFF >> (size + 1))
                    for step in range(1, size):
                        point = (point << 6) | (np.int64(buffer[position + step]) & 0x3F)
                kind = table[point]
                blank = kind & _SPACE_BIT > 0
                # fastText's words: these seven bytes stand between them.
                if 0x09 <= byte <= 0x0D or byte in (0x20, 0):
                    in_word = False
                elif not in_word:
                    in_word = True
                    tally[_WORDS] += kind & _ALPHANUMERIC_BIT > 0
                dots = dots + 1 if byte == 0x2E else 0
                if dots == 3:
                    tally[_SYMBOLS] += 1
                    dots = 0
                if byte == 0x2E and position >= spaced and _dots(buffer, position, end):
                    tally[_SYMBOLS] += 1
                    spaced = position + 5
                tally[_SYMBOLS] += byte == 0x23 or point == 0x2026
            if not blank:
                length += 1
                alphabetic |= kind & _ALPHABETIC_BIT > 0
                letters += 1
                if letters <= _LONGEST and size == 1 and byte:
                    lower = byte | 0x20 if 0x41 <= byte <= 0x5A else byte
                    key = (key << np.uint64(8)) | np.uint64(lower)
                else:
                    letters = _LONGEST + 1
            elif length:
                tally[_RUNS] += 1
                tally[_CHARACTERS] += length
                tally[_ALPHABETIC] += alphabetic
                if letters <= _LONGEST:
                    for each in keys:
                        tally[_STOP] += key == each
                length, letters, key, alphabetic = 0, 0, np.uint64(0), False
            position += size if position < end else 1
        for line in range(offsets[document], offsets[document + 1]):
            start, stop = starts[line], stops[line]
            if start == stop:
                continue
            tally[_LINES] += 1
            first = buffer[start]
            bullet = first in (0x2A, 0x2D)
            if first == 0xE2:
                second, third = buffer[start + 1], buffer[start + 2]
                bullet = (second == 0x80 and third == 0xA2) or (second == 0x97 and third == 0x8F)
            tally[_BULLETS] += bullet
            ellipsis = stop - start >= 5 and _dots(buffer, stop - 5, stop)
            if stop - start >= 3:
                one, two, three = buffer[stop - 3], buffer[stop - 2], buffer[stop - 1]
                ellipsis |= one == 0x2E and two == 0x2E and three == 0x2E
                ellipsis |= one == 0xE2 and two == 0x80 and three == 0xA6
            tally[_ELLIPSES] += ellipsis
    return counts
