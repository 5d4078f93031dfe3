"""C4's rules on lines (Raffel et al. 2020, JMLR 21(140), section 2.2), measured.

C4 drops lines that speak of javascript or of policies, those of few words, and those that do not
end in terminal punctuation; a page is dropped if too few sentences are left, or if a line that is
left holds ``lorem ipsum`` or a curly bracket. What would be left is counted; `c4_cut` finds it.

There are two readings. Ours asks whole pages for ``lorem ipsum`` and curly brackets, as the paper
has it, and counts words and sentences of `words` and `sentences`. datatrove takes the lines of
Python's ``splitlines``; drops those with a run of more than 1,000 characters; cuts citations such
as ``[1]`` or ``[edit]`` before it looks for phrases and how the line ends, at ASCII's ``. ? ! " '``
only; counts runs without white space as words; and asks only the lines that got so far for ``lorem
ipsum`` and brackets. Letters of phrases are compared without ASCII case.
"""

import numpy as np

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text
from midtrain_dagster.curation.signals.line_rules import ELLIPSIS, PUNCTUATED
from midtrain_dagster.curation.text.lines import CURLY_BRACKET, Lines

POLICY_PHRASES = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
"""As in C4's published code."""

COUNTS = (
    "lorem_ipsum_lines",
    "javascript_lines",
    "policy_lines",
    "sentences",
    "sentences_lines_of_3",
    "terminal_sentences_lines_of_3",
    "terminal_sentences_lines_of_5",
)
"""The columns of what `count` gives. The last three count the sentences that would be left: lines
that speak of javascript or policies are gone, and so are those of fewer than 3 or 5 words and, for
``terminal_``, those without terminal punctuation."""

DATATROVE_COUNTS = ("sentences", "forbidden_lines", "fineweb_sentences", "fineweb_forbidden_lines")
"""The columns of what `count_as_datatrove` gives: sentences left, lines that got as far as the
rule on ``lorem ipsum`` and curly brackets and have one; then both without terminal punctuation
being asked for, which is FineWeb's use."""

_PHRASES = ("lorem ipsum", "javascript", *POLICY_PHRASES)
_PHRASE_BYTES = np.frombuffer("".join(_PHRASES).encode(), np.uint8)
_PHRASE_BOUNDS = np.cumsum([0] + [len(phrase) for phrase in _PHRASES])
LOREM_IPSUM, JAVASCRIPT, POLICY = 1, 2, 4

FEWEST_RUNS = 3
LONGEST_RUN = 1_000
"""Of runs of characters without white space in a line, datatrove's bounds."""


def phrases(text: Text, lines: Lines) -> np.ndarray:
    """Which of C4's phrases each line holds: uint8, the sum of 1, 2 and 4 for lorem ipsum,
    javascript and policies.
    """
    return _phrases(
        text.buffer, text.offsets, lines.offsets, lines.starts, lines.stops,
        _PHRASE_BYTES, _PHRASE_BOUNDS,
    )  # fmt: skip


def count(
    lines: Lines, endings: np.ndarray, phrases: np.ndarray, sentences: np.ndarray
) -> np.ndarray:
    """Count what our reading would leave: int64 of shape (documents, len(COUNTS)).

    ``endings`` are those of `line_rules`; ``phrases`` and ``sentences`` are the lines'.
    """
    terminal = (endings & (PUNCTUATED | ELLIPSIS)) == PUNCTUATED
    kept = (phrases & (JAVASCRIPT | POLICY)) == 0
    columns = (
        (phrases & LOREM_IPSUM) > 0,
        (phrases & JAVASCRIPT) > 0,
        (phrases & POLICY) > 0,
        sentences,
        sentences * (kept & (lines.words >= 3)),
        sentences * (kept & terminal & (lines.words >= 3)),
        sentences * (kept & terminal & (lines.words >= 5)),
    )
    totals = np.zeros((len(COUNTS), sentences.size + 1), np.int64)
    for total, column in zip(totals, columns, strict=True):
        np.cumsum(column, out=total[1:])
    return np.diff(totals[:, lines.offsets], axis=1).T


def without_citations(text: Text) -> tuple[np.ndarray, np.ndarray]:
    """Of lines without their citations, a text each: which phrases they hold, as `phrases` says it,
    and whether they end in terminal punctuation, as datatrove says it."""
    spans = (text.offsets[:-1], text.offsets[1:])
    each = np.arange(text.offsets.size)
    held = _phrases(text.buffer, text.offsets, each, *spans, _PHRASE_BYTES, _PHRASE_BOUNDS)
    return held, _terminal(text.buffer, *spans)


def terminal(text: Text, lines: Lines) -> np.ndarray:
    """Whether each line ends in terminal punctuation, as datatrove says it of its own: bool."""
    return _terminal(text.buffer, lines.starts, lines.stops)


def count_as_datatrove(
    lines: Lines, phrases: np.ndarray, terminal: np.ndarray, sentences: np.ndarray
) -> np.ndarray:
    """Count what datatrove would leave: int64 of shape (documents, len(DATATROVE_COUNTS)).

    ``lines`` are those of `every` break; the others say of each, without its citations, what
    phrases it holds, how it ends, and how many sentences it has.
    """
    known = (lines.runs, lines.longest_runs, lines.brackets, phrases, terminal, sentences)
    return _count_as_datatrove(lines.offsets, *known)


@inlined
def _lower(byte):  # type: ignore[no-untyped-def]
    return byte | 0x20 if 0x41 <= byte <= 0x5A else byte


@inlined
def _may_hold_phrase(piece):  # type: ignore[no-untyped-def]
    """Whether any four letters stand there of which every phrase has some; most texts have none."""
    found = False
    for position in range(piece.size - 3):
        first, second = piece[position] | 0x20, piece[position + 1] | 0x20
        third, fourth = piece[position + 2] | 0x20, piece[position + 3] | 0x20
        found |= (first == 0x6A) & (second == 0x61) & (third == 0x76) & (fourth == 0x61)  # java
        found |= (first == 0x6F) & (second == 0x6B) & (third == 0x69) & (fourth == 0x65)  # okie
        found |= (first == 0x76) & (second == 0x61) & (third == 0x63) & (fourth == 0x79)  # vacy
        found |= (first == 0x6D) & (second == 0x20) & (third == 0x69) & (fourth == 0x70)  # m ip
        found |= (first == 0x66) & (second == 0x20) & (third == 0x75) & (fourth == 0x73)  # f us
    return found


@jit
def _phrases(  # type: ignore[no-untyped-def]
    buffer, bounds, offsets, starts, stops, phrase_bytes, phrase_bounds
):
    held = np.zeros(starts.size, np.uint8)
    first_bytes = np.zeros(256, np.bool_)
    for phrase in range(phrase_bounds.size - 1):
        first = phrase_bytes[phrase_bounds[phrase]]
        first_bytes[first] = True
        first_bytes[first - 0x20] = True
    for document in range(offsets.size - 1):
        if not _may_hold_phrase(buffer[bounds[document] : bounds[document + 1]]):
            continue
        for line in range(offsets[document], offsets[document + 1]):
            stop = stops[line]
            if not _may_hold_phrase(buffer[starts[line] : stop]):
                continue
            for position in range(starts[line], stop):
                if not first_bytes[buffer[position]]:
                    continue
                for phrase in range(phrase_bounds.size - 1):
                    first, last = phrase_bounds[phrase], phrase_bounds[phrase + 1]
                    if position + last - first > stop:
                        continue
                    index = first
                    while (
                        index < last
                        and _lower(buffer[position + index - first]) == phrase_bytes[index]
                    ):
                        index += 1
                    if index == last:
                        held[line] |= 1 << min(phrase, 2)
    return held


@jit
def _terminal(buffer, starts, stops):  # type: ignore[no-untyped-def]
    ends = np.zeros(starts.size, np.bool_)
    for line in range(starts.size):
        start, stop = starts[line], stops[line]
        if start == stop:
            continue
        ended = buffer[stop - 1] in (0x2E, 0x3F, 0x21, 0x22, 0x27)
        ellipsis = stop - start >= 3
        for position in range(stop - 3, stop) if ellipsis else range(0):
            ellipsis &= buffer[position] == 0x2E
        ends[line] = ended and not ellipsis
    return ends


@jit
def _count_as_datatrove(  # type: ignore[no-untyped-def]
    offsets, runs, longest_runs, brackets, phrases, terminal, sentences
):
    documents = offsets.size - 1
    counts = np.zeros((documents, 4), np.int64)
    for document in range(documents):
        tally = counts[document]
        for line in range(offsets[document], offsets[document + 1]):
            if runs[line] < FEWEST_RUNS or longest_runs[line] > LONGEST_RUN:
                continue
            forbidden = phrases[line] & LOREM_IPSUM > 0
            if not forbidden and phrases[line] & JAVASCRIPT:
                continue
            if forbidden or brackets[line] & CURLY_BRACKET:
                tally[1] += terminal[line]
                tally[3] += 1
            elif not phrases[line] & POLICY:
                tally[0] += sentences[line] * terminal[line]
                tally[2] += sentences[line]
    return counts
