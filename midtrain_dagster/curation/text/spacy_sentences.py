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
from midtrain_dagster.curation.text.lines import Lines
from midtrain_dagster.curation.text.spacy_rules import PUNCTUATION, SENTENCE_STOP, rules
from midtrain_dagster.curation.text.spacy_words import split
from midtrain_dagster.curation.text.words import Words


def count(text: Text, words: Words, lines: Lines, uncited: tuple[np.ndarray, Text]) -> np.ndarray:
    """The sentences of each line: int32. ``words`` are spaCy's, ``lines`` end at `every` break, and
    ``uncited`` are those of them that hold citations, without these (`citations.without`)."""
    classes = rules().classes
    counts = _count(text.buffer, classes, words.starts, words.stops, lines.starts, lines.stops)
    numbers, cut = uncited
    if numbers.size:
        again = split(cut)
        spans = (cut.offsets[:-1], cut.offsets[1:])
        counts[numbers] = _count(cut.buffer, classes, again.starts, again.stops, *spans)
    return counts


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
