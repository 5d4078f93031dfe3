"""spaCy's sentences of single lines: what datatrove's C4 rules count.

A rewriting of spaCy 3.8's sentencizer: a sentence ends at a token that is one of its full stops
(``. ! ?`` and those of other scripts), whatever it stands for; the next begins at the first token
behind it that is not punctuation. More white space than one blank is a token too, so it begins one.
Each line is a text of its own, as datatrove hands them over, and citations such as ``[1]`` or
``[edit]`` are cut before: so the few documents that hold any are cut and split into words once
more.
"""

import numpy as np
import polars as pl
import pyarrow as pa

from midtrain_dagster.curation.characters import Text, classify, text_buffer
from midtrain_dagster.curation.lines import SQUARE_BRACKET, Lines
from midtrain_dagster.curation.lines import find as find_lines
from midtrain_dagster.curation.spacy_rules import PUNCTUATION, SENTENCE_STOP, rules
from midtrain_dagster.curation.spacy_words import split as split_as_spacy
from midtrain_dagster.curation.words import Words, split
from midtrain_dagster.kernel import inlined, kernel

CITATION = r"\[\d*\]|\[edit\]|\[citation needed\]"


def count(text: Text, words: Words, lines: Lines) -> np.ndarray:
    """The sentences of each line: int32. ``words`` are spaCy's, ``lines`` end at `every` break."""
    counts = _count(text.buffer, rules().classes, *words[1:3], lines.starts, lines.stops)
    rows = _cited(text, lines)
    if rows.size:
        cut = text_buffer(_series(text).gather(rows).str.replace_all(CITATION, ""))
        classes = classify(cut.buffer)
        cut_lines = find_lines(cut, classes, split(cut, classes), every=True)
        cut_words = split_as_spacy(cut, classes)
        spans = (cut_lines.starts, cut_lines.stops)
        cut_counts = _count(cut.buffer, rules().classes, *cut_words[1:3], *spans)
        # The same lines, but for a last one that was a citation and nothing else.
        counts[_places(lines.offsets[rows], lines.offsets[rows + 1])] = 0
        sizes = np.diff(cut_lines.offsets)
        counts[_places(lines.offsets[rows], lines.offsets[rows] + sizes)] = cut_counts
    return counts


def _places(firsts: np.ndarray, behinds: np.ndarray) -> np.ndarray:
    """All of the ranges ``firsts[i]:behinds[i]``, one after the other."""
    sizes = behinds - firsts
    ends = np.cumsum(sizes)
    return np.arange(sizes.sum()) + np.repeat(firsts - ends + sizes, sizes)


def _series(text: Text) -> pl.Series:
    """The texts as a column again, without a copy."""
    buffer, offsets = map(pa.py_buffer, text)
    array = pa.LargeStringArray.from_buffers(text.offsets.size - 1, offsets, buffer)
    return pl.Series(pl.from_arrow(array))


def _cited(text: Text, lines: Lines) -> np.ndarray:
    """The documents that hold a citation."""
    bracketed = np.concatenate(([0], np.cumsum(lines.brackets & SQUARE_BRACKET > 0)))
    rows = np.flatnonzero(np.diff(bracketed[lines.offsets]))
    if not rows.size:
        return rows
    return rows[_series(text).gather(rows).str.contains(CITATION).to_numpy()]


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


@kernel
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
