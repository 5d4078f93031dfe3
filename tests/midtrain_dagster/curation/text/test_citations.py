import itertools
import re

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.text.characters import classify
from midtrain_dagster.curation.text.citations import find, without
from midtrain_dagster.curation.text.lines import find as find_lines
from midtrain_dagster.curation.text.words import split

PIECES = [
    "a",
    "é ",
    "[1]",
    "[",
    "]",
    "[]",
    "[edit]",
    "[citation needed]",
    "[x]",
    "12",
    "\n",
    " ",
    "edit]",
]
TEXT = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXT, max_size=3))
@example(["[[1]", "[1[2]]", "x[1][2]y\n[edit", "[]"])
def test_citations_of_lines_and_lines_without_them(texts: list[str]) -> None:
    text = text_buffer(pl.Series("text", texts, pl.String))
    lines = find_lines(text, classify(text.buffer), split(text), every=True)
    found = find(text, lines)
    data = text.buffer.tobytes()
    stripped = [line.strip() for each in texts for line in each.splitlines()]
    expected = [CITATION.findall(line) for line in stripped]
    spans = [data[a:b].decode() for a, b in zip(found.starts, found.stops, strict=True)]
    offsets = found.offsets.tolist()
    assert [spans[a:b] for a, b in itertools.pairwise(offsets)] == expected

    numbers, cut = without(text, lines, found)
    assert numbers.tolist() == [number for number, each in enumerate(expected) if each]
    left = cut.buffer.tobytes()
    assert [left[a:b].decode() for a, b in zip(cut.offsets, cut.offsets[1:], strict=False)] == [
        CITATION.sub("", stripped[number]) for number in numbers
    ]
