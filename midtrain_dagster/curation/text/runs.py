"""Runs of words: which runs of a given length a text has, and how to find those that occur twice.

A word is what stands between white space with a letter or a number in it, with the punctuation on
it; signs that stand alone (a dash, the marks of a list or of a heading) belong to the word behind
them. In scripts without spaces each letter is a word, with the marks and the punctuation behind it.
So a run begins and ends where a reader would cut. Two runs are the same if their words are the same
byte by byte; the white space between them is no difference, so that a text that was wrapped anew is
still known.

Nearly all runs of a corpus occur once, and there are as many as words. So they are looked for in
two steps, as in winnowing (Schleimer, Wilkerson and Aiken 2003, section 3.1). Of the ``k``-grams in
a run the one of the smallest hash is its **minimiser**, the last of those where several are. It
depends on the words of the run and on nothing else: a run that occurs twice has one minimiser that
occurs twice. Neighbouring runs share theirs, so that with k half the run a text has a minimiser
for every quarter of a run; runs whose minimiser occurs once need no further look, and nothing is
missed.

A run is known by 128 bits: two different runs among n are taken for one with a probability of
n^2 / 2^129. All is linear in the text, whatever it says.
"""

from typing import NamedTuple

import numpy as np

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text
from midtrain_dagster.curation.text.characters import (
    CONTINUATION,
    LETTER,
    NUMBER,
    SPACE,
    SPACELESS,
    classify,
)


class Words(NamedTuple):
    """The words of some documents, in order; offsets are bytes of the whole buffer."""

    documents: np.ndarray
    """int64, one more than there are documents: document ``i`` has ``documents[i]:[i + 1]``."""
    starts: np.ndarray
    """int64"""
    stops: np.ndarray
    """int64; without the white space behind it."""
    ends: np.ndarray
    """int64; behind that white space: where the next word starts, but for a document's last one."""
    codes: np.ndarray
    """uint64, a hash of the word's bytes without any white space."""
    opens_line: np.ndarray
    """bool, whether it is the first of its line."""
    line_ends: np.ndarray
    """bool, whether its line ends behind it, or the document."""


class Stretches(NamedTuple):
    """Neighbouring runs of one minimiser: those that begin at the words ``firsts`` to ``stops``."""

    firsts: np.ndarray
    """int64, a number of a word."""
    stops: np.ndarray
    """int64"""
    hashes: np.ndarray
    """uint64, of the minimiser."""
    places: np.ndarray
    """int64, the word at which it begins."""


def words(text: Text) -> Words:
    """The words of each document."""
    return Words(*_words(text.buffer, classify(text.buffer), text.offsets))


def minimisers(words: Words, length: int) -> Stretches:
    """The minimisers of all runs of ``length`` words, none of which crosses documents."""
    gram = max(length // 2, 1)
    return Stretches(*_minimisers(words.codes, words.documents, length, gram))


def run_hashes(
    words: Words, firsts: np.ndarray, stops: np.ndarray, length: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The runs of ``length`` words of some stretches: (first word, hash, a second hash)."""
    return _run_hashes(words.codes, firsts, stops, length)


@inlined
def _mixed(state):  # type: ignore[no-untyped-def]
    """MurmurHash3's finaliser, which is a bijection."""
    state = (state ^ (state >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    state = (state ^ (state >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return state ^ (state >> np.uint64(33))


@jit
def _words(buffer, classes, offsets):  # type: ignore[no-untyped-def]
    # A word has a byte, and white space or a document's end follows, save in scripts without
    # spaces, where a letter has three bytes (two, in theory).
    room = buffer.size // 2 + offsets.size
    documents = np.zeros(offsets.size, np.int64)
    starts, stops = np.empty(room, np.int64), np.empty(room, np.int64)
    ends, codes = np.empty(room, np.int64), np.empty(room, np.uint64)
    opens_line, line_ends = np.empty(room, np.bool_), np.empty(room, np.bool_)
    found = 0
    for document in range(offsets.size - 1):
        opens = True  # whether no word has begun in this line
        begun, worded = False, False  # inside a word; inside one that has a letter or a number
        last = SPACE  # the class of the last letter, number or white space
        content = offsets[document]
        state = np.uint64(0)
        for position in range(offsets[document], offsets[document + 1]):
            kind = classes[position]
            if kind == CONTINUATION:
                if last != SPACE:
                    state = (state ^ np.uint64(buffer[position])) * np.uint64(0x100000001B3)
                    content = position + 1
                continue
            if kind == SPACE:
                opens |= buffer[position] == 0x0A
                last = SPACE
                continue
            letter = kind == LETTER or kind == NUMBER  # noqa: PLR1714 (`in` is slow)
            if worded and (last == SPACE or kind == SPACELESS or (letter and last == SPACELESS)):
                stops[found], ends[found], codes[found] = content, position, _mixed(state)
                line_ends[found] = opens
                found += 1
                begun = worded = False
            if not begun:
                starts[found], opens_line[found] = position, opens
                state = np.uint64(0xCBF29CE484222325)
                begun = True
            opens = False
            worded |= letter | (kind == SPACELESS)
            if letter or kind == SPACELESS:
                last = kind
            elif last == SPACE:
                last = CONTINUATION
            state = (state ^ np.uint64(buffer[position])) * np.uint64(0x100000001B3)
            content = position + 1
        if worded:
            stops[found], ends[found] = content, offsets[document + 1]
            codes[found], line_ends[found] = _mixed(state), True
            found += 1
        documents[document + 1] = found
    return (
        documents, starts[:found], stops[:found], ends[:found], codes[:found], opens_line[:found],
        line_ends[:found],
    )  # fmt: skip


@jit
def _minimisers(codes, documents, length, gram):  # type: ignore[no-untyped-def]
    multiplier = np.uint64(0x9E3779B97F4A7C15)
    leaving = np.uint64(1)
    for _ in range(gram):
        leaving *= multiplier
    grams = length - gram + 1  # in a run
    firsts, stops = np.empty(codes.size, np.int64), np.empty(codes.size, np.int64)
    hashes, places = np.empty(codes.size, np.uint64), np.empty(codes.size, np.int64)
    # The grams that may still become the smallest of a run, hashes ascending, in a ring.
    ring_places, ring_hashes = np.empty(grams, np.int64), np.empty(grams, np.uint64)
    found = 0
    for document in range(documents.size - 1):
        begin, end = documents[document], documents[document + 1]
        if end - begin < length:
            continue
        state = np.uint64(0)
        head = size = 0
        last = np.int64(-1)
        for word in range(begin, end):
            state = state * multiplier + codes[word]
            place = word - gram + 1
            if place < begin:
                continue
            if place > begin:
                state -= codes[place - 1] * leaving
            value = _mixed(state)
            while size and ring_hashes[(head + size - 1) % grams] >= value:
                size -= 1
            if size and ring_places[head] <= place - grams:
                head = (head + 1) % grams
                size -= 1
            ring_places[(head + size) % grams] = place
            ring_hashes[(head + size) % grams] = value
            size += 1
            run = word - length + 1
            if run < begin:
                continue
            if ring_places[head] != last:
                last = ring_places[head]
                firsts[found], hashes[found], places[found] = run, ring_hashes[head], last
                found += 1
            stops[found - 1] = run + 1
    return firsts[:found], stops[:found], hashes[:found], places[:found]


@jit
def _run_hashes(codes, firsts, stops, length):  # type: ignore[no-untyped-def]
    one, other = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
    one_leaving, other_leaving = np.uint64(1), np.uint64(1)
    for _ in range(length):
        one_leaving *= one
        other_leaving *= other
    room = np.sum(stops - firsts)
    runs = np.empty(room, np.int64)
    hashes, checks = np.empty(room, np.uint64), np.empty(room, np.uint64)
    found = 0
    state, check = np.uint64(0), np.uint64(0)
    for stretch in range(firsts.size):
        first = firsts[stretch]
        if stretch == 0 or stops[stretch - 1] != first:
            state, check = np.uint64(0), np.uint64(0)
            for word in range(first, first + length - 1):
                state = state * one + codes[word]
                check = check * other + _mixed(codes[word])
            joined = False
        else:
            joined = True
        for run in range(first, stops[stretch]):
            word = run + length - 1
            state = state * one + codes[word]
            check = check * other + _mixed(codes[word])
            if joined or run > first:
                state -= codes[run - 1] * one_leaving
                check -= _mixed(codes[run - 1]) * other_leaving
            runs[found], hashes[found], checks[found] = run, _mixed(state), _mixed(check)
            found += 1
    return runs, hashes, checks
