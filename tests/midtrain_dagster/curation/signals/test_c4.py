import re

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.signals.c4 import (
    COUNTS,
    DATATROVE_COUNTS,
    POLICY_PHRASES,
    count,
    count_as_datatrove,
    phrases,
    terminal,
    without_citations,
)
from midtrain_dagster.curation.signals.line_rules import count as count_looks
from midtrain_dagster.curation.text.characters import classify
from midtrain_dagster.curation.text.citations import find as find_citations
from midtrain_dagster.curation.text.citations import without
from midtrain_dagster.curation.text.lines import find
from midtrain_dagster.curation.text.sentences import count as count_sentences
from midtrain_dagster.curation.text.sentences import find as find_sentences
from midtrain_dagster.curation.text.words import split

PIECES = [
    *(
        "three words here.",
        "one. two! ",
        " and more",
        "\n",
        "\n",
        "\r",
        "[1]",
        "[edit]",
        "[]",
        "[x]",
    ),
    *("[citation needed]", "...", ".", "'", "”", "{", "lorem ipsum", "Javascript", "use cookies"),
    *("a" * 1001, " ", "Privacy Policy", "]", "reuse  cookies", "terms of used", "COOKIE policy"),
]
TEXT = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")


def measured(texts: list[str], every: bool):
    text = text_buffer(pl.Series("text", texts, pl.String))
    classes = classify(text.buffer)
    words = split(text, classes)
    lines = find(text, classes, words, every=every)
    starts = count_sentences(find_sentences(text, classes, words), lines.begins, lines.ends)
    return text, lines, count_looks(text, classes, lines)[1], phrases(text, lines), starts


def naive_datatrove(text: str, starts: list[int], terminal: bool) -> tuple[int, int]:
    """datatrove's C4QualityFilter: sentences left, and lines for which it drops the page."""
    sentences = forbidden = 0
    for whole, started in zip(text.splitlines(), starts, strict=True):
        line = whole.strip()
        words = line.split()
        if any(len(word) > 1000 for word in words):
            continue
        line = CITATION.sub("", line)
        if terminal and (not line.endswith((".", "?", "!", '"', "'")) or line.endswith("...")):
            continue
        if len(words) < 3:
            continue
        lowered = line.lower()
        if "lorem ipsum" in lowered:
            forbidden += 1
        elif "javascript" in lowered:
            pass
        elif "{" in line:
            forbidden += 1
        elif not any(phrase in lowered for phrase in POLICY_PHRASES):
            sentences += started
    return sentences, forbidden


@settings(max_examples=75, deadline=None)
@given(TEXT)
@example("one two three.[1]")
@example("one two three..[1].")
@example("one two three[1].[edit][citation needed]")
@example("one two three. [12]")
@example("[1] [2] [3]")
@example("lorem[1] ipsum is here")
@example("we use[1] cookies here. so do you.")
def test_as_datatrove_counts(text: str) -> None:
    buffer, lines, _, held, starts = measured([text], every=True)
    ends = terminal(buffer, lines)
    numbers, uncited = without(buffer, lines, find_citations(buffer, lines))
    held[numbers], ends[numbers] = without_citations(uncited)
    found = count_as_datatrove(lines, held, ends, starts)[0].tolist()
    expected = [
        *naive_datatrove(text, starts.tolist(), True),
        *naive_datatrove(text, starts.tolist(), False),
    ]
    assert dict(zip(DATATROVE_COUNTS, found, strict=True)) == dict(
        zip(DATATROVE_COUNTS, expected, strict=True)
    )


@settings(max_examples=75, deadline=None)
@given(st.lists(TEXT, max_size=3))
def test_phrases_of_lines(texts: list[str]) -> None:
    *_, held, _ = measured(texts, every=False)
    flat = [line.lower() for text in texts for line in text.removesuffix("\n").split("\n") if text]
    assert held.tolist() == [
        ("lorem ipsum" in line)
        + 2 * ("javascript" in line)
        + 4 * any(phrase in line for phrase in POLICY_PHRASES)
        for line in flat
    ]


def test_what_c4_would_leave() -> None:
    text = (
        "This line has five words.\n"
        "Three words only.\n"
        "No end here at all\n"
        "We use cookies on this site.\n"
        "Please enable JavaScript to see this.\n"
        "It trails off somewhere here...\n"
        "Two words."
    )
    _, *rest = measured([text], every=False)
    lines, endings, held, starts = rest
    assert dict(zip(COUNTS, count(lines, endings, held, starts)[0].tolist(), strict=True)) == {
        "lorem_ipsum_lines": 0,
        "javascript_lines": 1,
        "policy_lines": 1,
        "sentences": 7,
        "sentences_lines_of_3": 4,
        "terminal_sentences_lines_of_3": 2,
        "terminal_sentences_lines_of_5": 1,
    }
