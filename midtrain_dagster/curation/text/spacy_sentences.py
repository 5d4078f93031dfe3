"""spaCy's sentences of single lines: what datatrove's C4 rules count.

spaCy 3.8's sentencizer rewritten: a sentence ends at a token that is one of its full stops
(``. ! ?`` and those of other scripts), whatever it stands for; the next begins at the first token
behind it that is not punctuation. More white space than one blank is a token too, so it begins one.
Each line is a text of its own, as datatrove hands them over, and citations such as ``[1]`` or
``[edit]`` are cut before: so the few lines that hold any are cut and split into words once more.
"""

import numpy as np

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text
from midtrain_dagster.curation.text.lines import SQUARE_BRACKET, Lines
from midtrain_dagster.curation.text.spacy_rules import PUNCTUATION, SENTENCE_STOP, rules
from midtrain_dagster.curation.text.spacy_words import split
from midtrain_dagster.curation.text.words import Words

_CITATIONS = ("edit]", "citation needed]")
_CITATION_BYTES = np.frombuffer("".join(_CITATIONS).encode(), np.uint8)
_CITATION_BOUNDS = np.cumsum([0] + [len(citation) for citation in _CITATIONS])


def count(text: Text, words: Words, lines: Lines) -> np.ndarray:
    """The sentences of each line: int32. ``words`` are spaCy's, ``lines`` end at `every` break."""
    classes = rules().classes
    counts = _count(text.buffer, classes, words.starts, words.stops, lines.starts, lines.stops)
    bracketed = np.flatnonzero(lines.brackets & SQUARE_BRACKET)
    spans = (lines.starts[bracketed], lines.stops[bracketed])
    buffer, offsets = _cut(text.buffer, *spans, _CITATION_BYTES, _CITATION_BOUNDS)
    cited = np.flatnonzero(np.diff(offsets) < spans[1] - spans[0])
    if cited.size:
        cut = Text(*_only(buffer, offsets, cited))
        cut.buffer.flags.writeable = False
        again = split(cut)
        spans = (cut.offsets[:-1], cut.offsets[1:])
        counts[bracketed[cited]] = _count(cut.buffer, classes, again.starts, again.stops, *spans)
    return counts


@inlined
def _citation(buffer, start, stop, citations, bounds):  # type: ignore[no-untyped-def]
    """Where the citation that begins at ``start`` ends, or ``start`` if none does."""
    if buffer[start] != 0x5B:
        return start
    position = start + 1
    while position < stop and 0x30 <= buffer[position] <= 0x39:
        position += 1
    if position < stop and buffer[position] == 0x5D:
        return position + 1
    for citation in range(bounds.size - 1):
        size = bounds[citation + 1] - bounds[citation]
        same = start + 1 + size <= stop
        for index in range(size if same else 0):
            same &= buffer[start + 1 + index] == citations[bounds[citation] + index]
        if same:
            return start + 1 + size
    return start


@jit
def _cut(buffer, starts, stops, citations, bounds):  # type: ignore[no-untyped-def]
    """The lines without their citations, one after the other: (buffer, offsets)."""
    offsets = np.zeros(starts.size + 1, np.int64)
    cut = np.empty(np.sum(stops - starts), np.uint8)
    size = 0
    for line in range(starts.size):
        position = starts[line]
        while position < stops[line]:
            behind = _citation(buffer, position, stops[line], citations, bounds)
            if behind == position:
                cut[size] = buffer[position]
                size += 1
                behind += 1
            position = behind
        offsets[line + 1] = size
    return cut[:size], offsets


@jit
def _only(buffer, offsets, rows):  # type: ignore[no-untyped-def]
    """Some of the texts, one after the other: (buffer, offsets)."""
    ends = np.zeros(rows.size + 1, np.int64)
    for index in range(rows.size):
        ends[index + 1] = ends[index] + offsets[rows[index] + 1] - offsets[rows[index]]
    kept = np.empty(ends[-1], np.uint8)
    for index in range(rows.size):
        first = offsets[rows[index]]
        kept[ends[index] : ends[index + 1]] = buffer[first : first + ends[index + 1] - ends[index]]
    return kept, ends


@inlined
def _kinds(buffer, table, start, stop):  # type: ignore[no-untyped-def]
    """Whether all characters of a token are punctuation, and whether it is one full stop."""
    punctuation, characters, kind = True, 0, np.uint16(0)
    while start < stop:
        point = np.int64(buffer[start])
        size = 1
        if point >= 0x80:
            size = 2 if point < 0xE0 else 3 if point < 0xF0 else 4
            point &= 0xFF >> (size + 1)
            for step in range(1, size):
                point = (point << 6) | (np.int64(buffer[start + step]) & 0x3F)
        kind = table[point]
        punctuation &= kind & PUNCTUATION > 0
        characters += 1
        start += size
        if not punctuation and characters > 1:
            break
    return punctuation, characters == 1 and kind & SENTENCE_STOP > 0


@jit
def _count(buffer, table, word_starts, word_stops, starts, stops):  # type: ignore[no-untyped-def]
    counts = np.zeros(starts.size, np.int32)
    word = 0
    for line in range(starts.size):
        while word < word_starts.size and word_starts[word] < starts[line]:
            word += 1
        sentences, stopped, behind = 0, False, -1
        while word < word_starts.size and word_starts[word] < stops[line]:
            start, stop = word_starts[word], word_stops[word]
            word += 1
            first = behind < 0
            gap = start - behind
            blank = not first and gap > 0 and not (gap == 1 and buffer[behind] == 0x20)
            behind = stop
            if first or (blank and stopped):
                sentences += 1
                stopped = False
            if 0x61 <= buffer[start] | 0x20 <= 0x7A and not stopped:
                continue
            punctuation, full_stop = _kinds(buffer, table, start, stop)
            if stopped and not punctuation and not full_stop:
                sentences += 1
                stopped = False
            elif full_stop:
                stopped = True
        counts[line] = sentences
    return counts
