"""What C4 cuts of a text, as datatrove does it in FineWeb's use, and the text that it leaves.

The lines are those of Python's ``splitlines``. One goes that has fewer than three runs of
characters without white space, a run of more than 1,000, or speaks of javascript or of a policy;
terminal punctuation is not asked for. What stays is stripped, rid of its citations and joined by
newlines; white space at either end of the whole goes too. A line that makes datatrove drop the page
(``lorem ipsum``, a curly bracket) stays here: `c4` counts those, and the rule drops the page.

A cut is a list of spans of bytes, each with a newline or nothing in its place, so that no text is
rewritten; where nothing but a single newline stands between two lines that stay, none is needed.
"""

from typing import NamedTuple

import numpy as np

from midtrain_dagster.core.jit import jit
from midtrain_dagster.core.text_buffer import Text
from midtrain_dagster.curation.signals.c4 import FEWEST_RUNS, JAVASCRIPT, LONGEST_RUN, POLICY
from midtrain_dagster.curation.text.characters import SPACE
from midtrain_dagster.curation.text.citations import Citations
from midtrain_dagster.curation.text.lines import Lines


class Cut(NamedTuple):
    """What is cut of some documents, in order: document ``i`` has ``offsets[i]:offsets[i + 1]``."""

    offsets: np.ndarray
    """int64, one more than there are documents."""
    starts: np.ndarray
    """int64, where each span starts, in bytes of the buffer."""
    stops: np.ndarray
    """int64, where it stops."""
    joins: np.ndarray
    """bool, whether a newline takes its place; else nothing does."""


def stays(lines: Lines, phrases: np.ndarray) -> np.ndarray:
    """Whether each line stays: bool. ``lines`` are those of `every` break, ``phrases`` theirs."""
    there = (lines.runs >= FEWEST_RUNS) & (lines.longest_runs <= LONGEST_RUN)
    unspoken: np.ndarray = (phrases & (JAVASCRIPT | POLICY)) == 0
    return unspoken & there


def find(
    text: Text, classes: np.ndarray, lines: Lines, kept: np.ndarray, citations: Citations
) -> Cut:
    """Find what is cut of each document: what is not ``kept`` of its lines (`stays`), their
    ``citations``, and the white space around them."""
    spans = (lines.offsets, lines.starts, lines.stops, kept)
    return Cut(*_find(text.buffer, classes == SPACE, text.offsets, *spans, *citations))


def left(text: Text, cut: Cut) -> Text:
    """What the cut leaves of each document."""
    buffer, offsets = _left(text.buffer, text.offsets, *cut)
    buffer.flags.writeable = False
    return Text(buffer, offsets)


@jit
def _find(  # type: ignore[no-untyped-def]  # noqa: PLR0912, PLR0915
    buffer, blank, bounds, offsets, starts, stops, kept,
    citation_offsets, citation_starts, citation_stops,
):  # fmt: skip
    documents = bounds.size - 1
    room = 2 * documents + starts.size + citation_starts.size
    cuts = np.zeros(documents + 1, np.int64)
    cut_starts = np.empty(room, np.int64)
    cut_stops = np.empty(room, np.int64)
    joins = np.empty(room, np.bool_)
    # The pieces that stay of one document; a line has one more than it has citations.
    piece_starts = np.empty(starts.size + citation_starts.size, np.int64)
    piece_stops = np.empty(starts.size + citation_starts.size, np.int64)
    opens = np.empty(starts.size + citation_starts.size, np.bool_)
    found = 0
    for document in range(documents):
        pieces = 0
        for line in range(offsets[document], offsets[document + 1]):
            if not kept[line]:
                continue
            position = starts[line]
            first = pieces
            for citation in range(citation_offsets[line], citation_offsets[line + 1]):
                piece_starts[pieces], piece_stops[pieces] = position, citation_starts[citation]
                opens[pieces] = pieces == first
                position = citation_stops[citation]
                pieces += 1
            piece_starts[pieces], piece_stops[pieces] = position, stops[line]
            opens[pieces] = pieces == first
            pieces += 1
        # White space at either end: a line's citation may leave some there.
        first, behind = 0, pieces
        while first < behind:
            start = piece_starts[first]
            while start < piece_stops[first] and (blank[start] or (buffer[start] & 0xC0) == 0x80):
                start += 1
            piece_starts[first] = start
            if start < piece_stops[first]:
                break
            first += 1
        while behind > first:
            stop = piece_stops[behind - 1]
            while stop > piece_starts[behind - 1]:
                final = stop - 1
                while (buffer[final] & 0xC0) == 0x80:
                    final -= 1
                if not blank[final]:
                    break
                stop = final
            piece_stops[behind - 1] = stop
            if stop > piece_starts[behind - 1]:
                break
            behind -= 1

        reached = bounds[document]
        for piece in range(first, behind):
            start = piece_starts[piece]
            join = opens[piece] and piece > first
            if start > reached and not (join and start - reached == 1 and buffer[reached] == 0x0A):
                cut_starts[found], cut_stops[found], joins[found] = reached, start, join
                found += 1
            reached = piece_stops[piece]
        if reached < bounds[document + 1]:
            cut_starts[found], cut_stops[found] = reached, bounds[document + 1]
            joins[found] = False
            found += 1
        cuts[document + 1] = found
    return cuts, cut_starts[:found], cut_stops[:found], joins[:found]


@jit
def _left(buffer, bounds, offsets, starts, stops, joins):  # type: ignore[no-untyped-def]
    kept = np.empty(buffer.size, np.uint8)  # a span has a byte or more, and a newline is one
    ends = np.zeros(bounds.size, np.int64)
    size = 0
    for document in range(bounds.size - 1):
        position = bounds[document]
        for span in range(offsets[document], offsets[document + 1]):
            length = starts[span] - position
            kept[size : size + length] = buffer[position : starts[span]]
            size += length
            if joins[span]:
                kept[size] = 0x0A
                size += 1
            position = stops[span]
        length = bounds[document + 1] - position
        kept[size : size + length] = buffer[position : bounds[document + 1]]
        size += length
        ends[document + 1] = size
    return kept[:size], ends
