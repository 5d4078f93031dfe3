"""Where the sentences of a text column start.

A sentence ends at ``. ! ? …``, closing quotes or brackets, and white space; or at one of their
full-width forms; or at the end of its line. A single full stop after one letter does not end it
(``J. R. R. Tolkien``). Other abbreviations do. It starts at its first word, so punctuation alone is
no sentence.

The original C4 used NLTK's trained splitter. datatrove asks spaCy's rule-based one, which is in
`spacy_sentences`. The sentences of any other splitter can be given by where they start.
"""

from typing import NamedTuple

import numpy as np

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text
from midtrain_dagster.curation.text.characters import (
    APOSTROPHE,
    CLOSING,
    CONTINUATION,
    LETTER,
    SPACE,
    STOP,
    WIDE_STOP,
)
from midtrain_dagster.curation.text.words import Words


class Sentences(NamedTuple):
    """All sentences of some documents: document ``i`` has ``offsets[i]:offsets[i + 1]``."""

    offsets: np.ndarray
    """int64, one more than there are documents."""
    starts: np.ndarray
    """int64, where each sentence starts, in bytes of the buffer."""


def find(text: Text, classes: np.ndarray, words: Words) -> Sentences:
    """Find the sentences of each document; ``classes`` and ``words`` (our own) are the text's."""
    found = (words.offsets, words.starts, words.stops, words.characters)
    return Sentences(*_find(text.buffer, classes, *found))


def count(sentences: Sentences, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """How many sentences start in each line from ``begins`` to ``ends`` (in order): int32."""
    return _count(sentences.starts, begins, ends)


@inlined
def _ends(buffer, classes, start, stop):  # type: ignore[no-untyped-def]
    """Whether a sentence ends in the gap ``start:stop`` between two words."""
    after_stop = False
    for position in range(start, stop):
        kind = classes[position]
        if kind == SPACE:
            byte = buffer[position]
            if after_stop or 0x0A <= byte <= 0x0D or 0x1C <= byte <= 0x1E:
                return True
            if byte == 0xC2 and buffer[position + 1] == 0x85:
                return True
            if (
                byte == 0xE2
                and buffer[position + 1] == 0x80
                and 0xA8 <= buffer[position + 2] <= 0xA9
            ):
                return True
        elif kind == WIDE_STOP:
            return True
        elif kind == STOP:
            after_stop = True
        elif kind not in (CONTINUATION, CLOSING, APOSTROPHE):
            after_stop = False
    return False


@jit
def _find(  # type: ignore[no-untyped-def]
    buffer, classes, word_offsets, word_starts, word_stops, word_characters
):
    documents = word_offsets.size - 1
    offsets = np.zeros(documents + 1, np.int64)
    starts = np.empty(word_starts.size, np.int64)
    found = 0
    for document in range(documents):
        first = word_offsets[document]
        for word in range(first, word_offsets[document + 1]):
            start = word_starts[word]
            if word > first:
                gap = word_stops[word - 1]
                if start - gap == 1 and buffer[gap] != 0x0A:
                    # Most gaps; the few breaks of one byte beside the newline are below.
                    if not (0x0B <= buffer[gap] <= 0x0D or 0x1C <= buffer[gap] <= 0x1E):
                        continue
                elif buffer[gap] == 0x2E:
                    letter = classes[word_starts[word - 1]] == LETTER
                    gap += letter and word_characters[word - 1] == 1
                if not _ends(buffer, classes, gap, start):
                    continue
            starts[found] = start
            found += 1
        offsets[document + 1] = found
    return offsets, starts[:found]


@jit
def _count(starts, begins, ends):  # type: ignore[no-untyped-def]
    counts = np.zeros(begins.size, np.int32)
    sentence = 0
    for line in range(begins.size):
        while sentence < starts.size and starts[sentence] < begins[line]:
            sentence += 1
        first = sentence
        while sentence < starts.size and starts[sentence] < ends[line]:
            sentence += 1
        counts[line] = sentence - first
    return counts
