"""How the lines of a document look: bullets, ellipses, punctuation at the end, short lines.

There are two readings. Ours, which is also DCLM's, strips every line and leaves blank ones out.
datatrove asks Gopher's two rules of all lines that Python's ``splitlines`` gives, blank ones too,
and knows only two bullets; FineWeb's rules ask datatrove's unstripped lines, so that white space
behind a full stop hides it, and take only terminal punctuation for such: no quotation marks, no
ellipsis.
"""

import numpy as np

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text
from midtrain_dagster.curation.text.characters import APOSTROPHE, CLOSING, CONTINUATION, WIDE_STOP
from midtrain_dagster.curation.text.lines import Lines
from midtrain_dagster.curation.text.punctuation import punctuation_table

SHORT_LINE = 30
"""Characters up to which a line is short (FineWeb, Penedo et al. 2024, arXiv 2406.17557)."""

COUNTS = (
    "lines",
    "line_characters",
    "longest_line",
    "short_lines",
    "bullet_lines",
    "ellipsis_lines",
    "punctuated_lines",
    "terminal_lines",
    "all_lines",
    "datatrove_bullet_lines",
    "datatrove_short_lines",
    "datatrove_terminal_lines",
)
"""The columns of what `count` gives. ``punctuated_lines`` end in punctuation or a closing quotation
mark, ``terminal_lines`` do so without an ellipsis (C4). ``all_lines`` counts blank ones too; what
begins with ``datatrove_`` is in its reading."""

(
    _LINES,
    _CHARACTERS,
    _LONGEST,
    _SHORT,
    _BULLET,
    _ELLIPSIS,
    _PUNCTUATED,
    _TERMINAL,
    _ALL,
    _OTHER_BULLET,
    _OTHER_SHORT,
    _OTHER_TERMINAL,
) = range(len(COUNTS))

PUNCTUATED = 1
ELLIPSIS = 2


def count(text: Text, classes: np.ndarray, lines: Lines) -> tuple[np.ndarray, np.ndarray]:
    """Count the lines of each document by their looks.

    Returns (counts, endings): int64 of shape (documents, len(COUNTS)), and for each line in uint8
    whether it ends PUNCTUATED and in an ELLIPSIS.
    """
    return _count(text.buffer, classes, punctuation_table(), *lines[1:8])


@inlined
def _is_ellipsis(buffer, position):  # type: ignore[no-untyped-def]
    """Whether ``...`` or U+2026 stands at ``position``; three bytes must be there."""
    first, second, third = buffer[position], buffer[position + 1], buffer[position + 2]
    return (first == 0x2E and second == 0x2E and third == 0x2E) or (
        first == 0xE2 and second == 0x80 and third == 0xA6
    )


@inlined
def _is_bullet(buffer, position, stop):  # type: ignore[no-untyped-def]
    """2 for datatrove's bullets (- U+2022), 1 for ours beside them (* U+2023, 25AA, 25CF, 25E6)."""
    first = buffer[position]
    if first != 0xE2 or stop - position < 3:
        return 2 if first == 0x2D else 1 if first == 0x2A else 0
    second, third = buffer[position + 1], buffer[position + 2]
    if second == 0x80 and third == 0xA2:
        return 2
    return (
        1
        if (
            (second == 0x80 and third == 0xA3)
            or (second == 0x96 and third == 0xAA)
            or (second == 0x97 and third in (0x8F, 0xA6))
        )
        else 0
    )


@inlined
def _last(classes, stop):  # type: ignore[no-untyped-def]
    """Where the character that stops at ``stop`` starts."""
    final = stop - 1
    while classes[final] == CONTINUATION:
        final -= 1
    return final


@inlined
def _is_terminal(buffer, final, stop, punctuation):  # type: ignore[no-untyped-def]
    """Whether the character ``final:stop`` has the property Sentence_Terminal."""
    point = np.int64(buffer[final])
    if point >= 0x80:
        point &= 0xFF >> (stop - final + 1)
        for position in range(final + 1, stop):
            point = (point << 6) | (np.int64(buffer[position]) & 0x3F)
    return punctuation[point] == 2


@jit
def _count(  # type: ignore[no-untyped-def]
    buffer, classes, punctuation,
    offsets, begins, ends, starts, stops, raw_characters, characters,
):  # fmt: skip
    documents = offsets.size - 1
    counts = np.zeros((documents, 12), np.int64)
    endings = np.zeros(begins.size, np.uint8)
    for document in range(documents):
        tally = counts[document]
        tally[_ALL] = offsets[document + 1] - offsets[document]
        for line in range(offsets[document], offsets[document + 1]):
            start, stop = starts[line], stops[line]
            if start == stop:
                continue
            length = characters[line]
            tally[_LINES] += 1
            tally[_CHARACTERS] += length
            tally[_LONGEST] = max(tally[_LONGEST], length)
            tally[_SHORT] += length <= SHORT_LINE
            tally[_OTHER_SHORT] += raw_characters[line] <= SHORT_LINE
            bullet = _is_bullet(buffer, start, stop)
            tally[_BULLET] += bullet > 0
            tally[_OTHER_BULLET] += bullet > 1
            final = _last(classes, stop)
            kind = classes[final]
            # A quotation mark is punctuation, a bracket is not.
            quoted = kind == CLOSING and (
                buffer[final] == 0x22
                or (stop - final == 3 and buffer[stop - 2] == 0x80 and buffer[stop - 1] == 0x9D)
            )
            punctuated = quoted or (APOSTROPHE <= kind <= WIDE_STOP)
            ellipsis = stop - start >= 3 and _is_ellipsis(buffer, stop - 3)
            tally[_PUNCTUATED] += punctuated
            tally[_ELLIPSIS] += ellipsis
            tally[_TERMINAL] += punctuated and not ellipsis
            if stop == ends[line]:
                tally[_OTHER_TERMINAL] += _is_terminal(buffer, final, stop, punctuation)
            endings[line] = PUNCTUATED * punctuated + ELLIPSIS * ellipsis
    return counts, endings
