import re
from collections import Counter

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.text.characters import classify
from midtrain_dagster.curation.text.lines import find
from midtrain_dagster.curation.text.segments import COUNTS, count
from midtrain_dagster.curation.text.words import split

PIECES = ["a", "bé", " ", "\n", "\n", "\n\n", "a long line of text\n", "\t", "\u00a0", "\r"]
TEXT = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


def find_duplicates(elements: list[str]) -> tuple[int, int]:
    """datatrove's: every occurrence after the first, and its characters."""
    seen, number, characters = set(), 0, 0
    for element in elements:
        number += element in seen
        characters += len(element) * (element in seen)
        seen.add(element)
    return number, characters


def find_repeated(elements: list[str]) -> tuple[int, int]:
    """DCLM's: every occurrence of what occurs twice."""
    often = {element: count for element, count in Counter(elements).items() if count > 1}
    return sum(often.values()), sum(count * len(element) for element, count in often.items())


def naive(text: str) -> list[int]:
    lines = [line.strip() for line in text.split("\n")]
    kept = [line for line in lines if line]
    paragraphs = [part for part in re.split(r"\n{2,}", "\n".join(lines).strip("\n")) if part]
    datatrove_lines = re.split(r"\n+", text)
    datatrove_paragraphs = re.split(r"\n{2,}", text.strip())
    dclm_paragraphs = [stripped for part in text.split("\n\n") if (stripped := part.strip())]
    return [
        *(len(kept), sum(map(len, kept)), *find_duplicates(kept), *find_repeated(kept)),
        *(len(paragraphs), sum(map(len, paragraphs))),
        *find_duplicates(paragraphs),
        *(len(datatrove_lines) if text else 0, *find_duplicates(datatrove_lines)),
        find_duplicates([line for line in text.split("\n") if line.strip()])[1],
        *(len(datatrove_paragraphs), *find_duplicates(datatrove_paragraphs)),
        *(len(dclm_paragraphs), sum(map(len, dclm_paragraphs)), *find_repeated(dclm_paragraphs)),
    ]


@settings(max_examples=75, deadline=None)
@given(st.lists(TEXT, max_size=3))
@example(["\n", "\n\n", " \n ", "a\n\na\n\n a", "a \n\na\n\na "])
def test_repeated_lines_and_paragraphs(texts: list[str]) -> None:
    text = text_buffer(pl.Series("text", texts, pl.String))
    classes = classify(text.buffer)
    counts = count(text, find(text, classes, split(text, classes)))
    found = [dict(zip(COUNTS, each, strict=True)) for each in counts.tolist()]
    assert found == [dict(zip(COUNTS, naive(each), strict=True)) for each in texts]
