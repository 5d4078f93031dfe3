"""C4's rules on lines (Raffel et al. 2020, JMLR 21(140), section 2.2), measured, never applied.

C4 drops lines that speak of javascript or of policies, those of few words, and those that do not
end in terminal punctuation; a page is dropped if too few sentences are left, or if a line that is
left holds ``lorem ipsum`` or a curly bracket. No line is cut here: what would be left is counted.

There are two readings. Ours asks whole pages for ``lorem ipsum`` and curly brackets, as the paper
has it, and counts words and sentences of `words` and `sentences`. datatrove takes the lines of
Python's ``splitlines``; drops those with a run of more than 1,000 characters; cuts citations such
as ``[1]`` or ``[edit]`` before it looks how the line ends, at ASCII's ``. ? ! " '`` only; counts
runs without white space as words; and asks only the lines that got so far for ``lorem ipsum`` and
brackets. Letters of phrases are compared without ASCII case.
"""

import numpy as np

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.core.text_buffer import Text
from midtrain_dagster.curation.signals.line_rules import ELLIPSIS, PUNCTUATED
from midtrain_dagster.curation.text.lines import CURLY_BRACKET, SQUARE_BRACKET, Lines

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
_LOREM_IPSUM, _JAVASCRIPT, _POLICY = 1, 2, 4

_CITATIONS = ("[edit]", "[citation needed]")
_CITATION_BYTES = np.frombuffer("".join(_CITATIONS).encode(), np.uint8)
_CITATION_BOUNDS = np.cumsum([0] + [len(citation) for citation in _CITATIONS])

LONGEST_RUN = 1_000


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
    kept = (phrases & (_JAVASCRIPT | _POLICY)) == 0
    columns = (
        (phrases & _LOREM_IPSUM) > 0,
        (phrases & _JAVASCRIPT) > 0,
        (phrases & _POLICY) > 0,
        sentences,
        sentences * (kept & (lines.words >= 3)),
        sentences * (kept & terminal & (lines.words >= 3)),
        sentences * (kept & terminal & (lines.words >= 5)),
    )
    totals = np.zeros((len(COUNTS), sentences.size + 1), np.int64)
    for total, column in zip(totals, columns, strict=True):
        np.cumsum(column, out=total[1:])
    return np.diff(totals[:, lines.offsets], axis=1).T


def count_as_datatrove(
    text: Text, lines: Lines, phrases: np.ndarray, sentences: np.ndarray
) -> np.ndarray:
    """Count what datatrove would leave: int64 of shape (documents, len(DATATROVE_COUNTS)).

    ``lines`` are those of `every` break; ``phrases`` and ``sentences`` are theirs.
    """
    return _count_as_datatrove(
        text.buffer, lines.offsets, lines.starts, lines.stops, lines.runs, lines.longest_runs,
        lines.brackets, phrases, sentences, _CITATION_BYTES, _CITATION_BOUNDS,
    )  # fmt: skip


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


@inlined
def _before_citations(buffer, start, stop, citations, citation_bounds):  # type: ignore[no-untyped-def]
    """Where the text ends if the citations that stop at ``stop`` are cut."""
    cut = True
    while cut:
        cut = False
        if stop - start >= 2 and buffer[stop - 1] == 0x5D:
            first = stop - 2
            while first > start and 0x30 <= buffer[first] <= 0x39:
                first -= 1
            if buffer[first] == 0x5B:
                cut = True
                stop = first
            else:
                for citation in range(citation_bounds.size - 1):
                    size = citation_bounds[citation + 1] - citation_bounds[citation]
                    same = stop - start >= size
                    for index in range(size if same else 0):
                        same &= (
                            buffer[stop - size + index]
                            == citations[citation_bounds[citation] + index]
                        )
                    if same:
                        cut = True
                        stop -= size
    return stop


@jit
def _count_as_datatrove(  # type: ignore[no-untyped-def]
    buffer, offsets, starts, stops, runs, longest_runs, brackets, phrases, sentences,
    citations, citation_bounds,
):  # fmt: skip
    documents = offsets.size - 1
    counts = np.zeros((documents, 4), np.int64)
    for document in range(documents):
        tally = counts[document]
        for line in range(offsets[document], offsets[document + 1]):
            if runs[line] < 3 or longest_runs[line] > LONGEST_RUN:
                continue
            start, stop = starts[line], stops[line]
            dots, ended = 0, False
            while dots < 3:
                if brackets[line] & SQUARE_BRACKET:
                    stop = _before_citations(buffer, start, stop, citations, citation_bounds)
                if stop == start:
                    break
                last = buffer[stop - 1]
                if dots == 0:
                    ended = last in (0x2E, 0x3F, 0x21, 0x22, 0x27)
                if last != 0x2E:
                    break
                dots += 1
                stop -= 1
            terminal = ended and dots < 3
            forbidden = phrases[line] & _LOREM_IPSUM > 0
            if not forbidden and phrases[line] & _JAVASCRIPT:
                continue
            if forbidden or brackets[line] & CURLY_BRACKET:
                tally[1] += terminal
                tally[3] += 1
            elif not phrases[line] & _POLICY:
                tally[0] += sentences[line] * terminal
                tally[2] += sentences[line]
    return counts
