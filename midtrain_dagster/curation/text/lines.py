"""Where the lines of a text column lie, with and without the white space around them.

A line is what stands between two newlines; what follows the last newline is one too unless it is
empty. `every` break asks for Python's ``splitlines``: the control characters and separators that
end a line there end it here too. The kernel walks from word to word and looks only at the bytes
between them, so it costs little beside `words`.

What is counted on the way: characters, symbols, and runs of characters without white space, which
are what C4 and DCLM call words.
"""

from typing import NamedTuple

import numpy as np

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text
from midtrain_dagster.curation.text.characters import CONTINUATION, LETTER, SPACE, SPACELESS
from midtrain_dagster.curation.text.words import Words

CURLY_BRACKET = 1
SQUARE_BRACKET = 2

COUNTS = (
    "characters",
    "alphanumeric_characters",
    "newlines",
    "hashes",
    "ellipses",
    "curly_brackets",
    "longest_run",
)
"""The columns of `Lines.counts`. ``longest_run`` is the longest run of characters without white
space in a document; letters of scripts without spaces do not count for it."""

_CHARACTERS, _ALPHANUMERIC, _NEWLINES, _HASHES, _ELLIPSES, _BRACKETS, _LONGEST = range(len(COUNTS))


class Lines(NamedTuple):
    """All lines of some documents: document ``i`` has ``offsets[i]:offsets[i + 1]``."""

    counts: np.ndarray
    """int64 of shape (documents, len(COUNTS))."""
    offsets: np.ndarray
    """int64, one more than there are documents."""
    begins: np.ndarray
    """int64, where each line begins, in bytes of the buffer."""
    ends: np.ndarray
    """int64, where each line ends, before its break."""
    starts: np.ndarray
    """int64, where the line starts without white space before it; its end if it is blank."""
    stops: np.ndarray
    """int64, where the line stops without white space behind it."""
    raw_characters: np.ndarray
    """int32, from begin to end."""
    characters: np.ndarray
    """int32, from start to stop."""
    words: np.ndarray
    """int32, how many of the words given lie in the line."""
    runs: np.ndarray
    """int32, how many runs of characters without white space the line has."""
    longest_runs: np.ndarray
    """int32, characters of the longest of them."""
    brackets: np.ndarray
    """uint8, CURLY_BRACKET if the line holds an opening one, SQUARE_BRACKET likewise."""


def find(text: Text, classes: np.ndarray, words: Words, *, every: bool = False) -> Lines:
    """Find the lines of each document; ``classes`` and ``words`` (our own) are the text's.

    ``every`` counts all of Python's line breaks as such, not the newline alone.
    """
    found = (words.offsets, words.starts, words.stops, words.characters)
    return Lines(*_find(text.buffer, classes, text.offsets, *found, every))


def has_other_breaks(text: Text) -> bool:
    """Whether Python's ``splitlines`` breaks a line anywhere but at a newline."""
    return bool(_has_other_breaks(np.append(text.buffer, np.zeros(2, np.uint8))))


@jit
def _has_other_breaks(buffer):  # type: ignore[no-untyped-def]
    found = False
    for position in range(buffer.size - 2):
        first, second, third = buffer[position], buffer[position + 1], buffer[position + 2]
        found |= (first >= 0x0B) & (first <= 0x0C)
        found |= (first >= 0x1C) & (first <= 0x1E)
        found |= (first == 0x0D) & (second != 0x0A)
        found |= (first == 0xC2) & (second == 0x85)
        found |= (first == 0xE2) & (second == 0x80) & ((third == 0xA8) | (third == 0xA9))
    return found


@inlined
def _is_other_break(buffer, position, end):  # type: ignore[no-untyped-def]
    """Whether a line break that is no newline stands at ``position`` (CR LF counts at its LF)."""
    byte = buffer[position]
    if byte == 0x0D:
        return position + 1 == end or buffer[position + 1] != 0x0A
    if byte == 0xC2:
        return buffer[position + 1] == 0x85
    if byte == 0xE2:
        return buffer[position + 1] == 0x80 and 0xA8 <= buffer[position + 2] <= 0xA9
    return 0x0B <= byte <= 0x0C or 0x1C <= byte <= 0x1E


@jit
def _find(  # type: ignore[no-untyped-def]  # noqa: PLR0912, PLR0915
    buffer, classes, bounds, word_offsets, word_starts, word_stops, word_characters, every
):
    documents = bounds.size - 1
    room = documents
    for position in range(buffer.size):
        room += (buffer[position] == 0x0A) | (
            every & (classes[position] == SPACE) & (buffer[position] != 0x20)
        )
    counts = np.zeros((documents, 7), np.int64)
    offsets = np.zeros(documents + 1, np.int64)
    begins = np.empty(room, np.int64)
    ends = np.empty(room, np.int64)
    starts = np.empty(room, np.int64)
    stops = np.empty(room, np.int64)
    raw_characters = np.empty(room, np.int32)
    characters = np.empty(room, np.int32)
    words = np.empty(room, np.int32)
    runs = np.empty(room, np.int32)
    longest_runs = np.empty(room, np.int32)
    brackets = np.empty(room, np.uint8)
    line = 0
    for document in range(documents):
        position, end = bounds[document], bounds[document + 1]
        word, behind = word_offsets[document], word_offsets[document + 1]
        alphanumeric, total, newlines, hashes, ellipses, curly, longest = 0, 0, 0, 0, 0, 0, 0
        for kind in classes[position:end]:
            alphanumeric += (kind >= LETTER) & (kind <= SPACELESS)
        begin, start, stop = position, -1, -1
        length, leading, trailing = 0, 0, 0
        run, plain_run, run_count, longest_run = 0, 0, 0, 0
        first_word, dots, bracket = word, 0, 0
        while begin < end:
            if word < behind and position == word_starts[word]:
                if start < 0:
                    start, leading = position, trailing
                size = word_characters[word]
                length += size
                run += size
                # A letter of a script without spaces ends the run; the marks on it begin another.
                plain_run = size - 1 if classes[position] == SPACELESS else plain_run + size
                longest = max(longest, plain_run)
                trailing, dots = 0, 0
                position = stop = word_stops[word]
                word += 1
                continue
            at_end = position == end
            byte = np.uint8(0) if at_end else buffer[position]
            if at_end or classes[position] == SPACE:
                longest_run = max(longest_run, run)
                run_count += run > 0
                run, plain_run, dots = 0, 0, 0
                if not at_end:
                    size = 1
                    while position + size < end and classes[position + size] == CONTINUATION:
                        size += 1
                    position += size
                    if byte != 0x0A and not (
                        every and _is_other_break(buffer, position - size, end)
                    ):
                        length += 1
                        trailing += 1
                        continue
                    total += 1
                    newlines += byte == 0x0A
                else:
                    size = 0
                stopped = position - size
                trimmed = length - leading - trailing if start >= 0 else 0
                if every and byte == 0x0A and stopped > begin and buffer[stopped - 1] == 0x0D:
                    stopped -= 1  # CR LF is one break
                    length -= 1
                    total += 1
                begins[line], ends[line] = begin, stopped
                starts[line] = start if start >= 0 else stopped
                stops[line] = stop if start >= 0 else stopped
                raw_characters[line], characters[line] = length, trimmed
                words[line] = word - first_word
                runs[line], longest_runs[line] = run_count, longest_run
                brackets[line] = bracket
                line += 1
                total += length
                length, leading, trailing, run_count, longest_run = 0, 0, 0, 0, 0
                start, stop, first_word, bracket = -1, -1, word, 0
                begin = position
                continue
            if classes[position] == CONTINUATION:  # the rest of a symbol
                position += 1
                stop = position
                continue
            if start < 0:
                start, leading = position, trailing
            length += 1
            run += 1
            plain_run += 1
            longest = max(longest, plain_run)
            trailing = 0
            position += 1
            stop = position
            if byte == 0x2E:
                dots += 1
                if dots == 3:
                    ellipses += 1
                    dots = 0
                continue
            dots = 0
            if byte == 0x23:
                hashes += 1
            elif byte == 0x7B:
                curly += 1
                bracket |= CURLY_BRACKET
            elif byte == 0x5B:
                bracket |= SQUARE_BRACKET
            elif byte == 0xE2:
                ellipses += buffer[position] == 0x80 and buffer[position + 1] == 0xA6
        offsets[document + 1] = line
        counts[document, _CHARACTERS] = total
        counts[document, _ALPHANUMERIC] = alphanumeric
        counts[document, _NEWLINES] = newlines
        counts[document, _HASHES] = hashes
        counts[document, _ELLIPSES] = ellipses
        counts[document, _BRACKETS] = curly
        counts[document, _LONGEST] = longest
    return (
        counts, offsets,
        begins[:line], ends[:line], starts[:line], stops[:line],
        raw_characters[:line], characters[:line],
        words[:line], runs[:line], longest_runs[:line], brackets[:line],
    )  # fmt: skip
