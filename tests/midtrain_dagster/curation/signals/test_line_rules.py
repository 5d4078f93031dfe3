import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.signals.line_rules import COUNTS, count
from midtrain_dagster.curation.text.characters import classify
from midtrain_dagster.curation.text.lines import find
from midtrain_dagster.curation.text.punctuation import punctuation_table
from midtrain_dagster.curation.text.words import split

PIECES = [*" \nab中", "…", "...", ".", "?", '"', "'", "”", "\u2019", ")", "。", "।", "𑁇", "x" * 30]
BULLETS = ["- ", "* ", "• ", "‣", "▪", "●", "◦", "\u2013"]
TEXT = st.lists(st.sampled_from(PIECES + BULLETS), max_size=12).map("".join)


def naive(text: str) -> dict[str, int]:
    lines = text.removesuffix("\n").split("\n") if text else []
    kept = [line for line in lines if line.strip()]
    stripped = [line.strip() for line in kept]
    ellipsis = [line.endswith(("...", "…")) for line in stripped]
    ends = tuple(".!?\"'…”\u2019。\uff01\uff1f")
    table = punctuation_table()
    return {
        "lines": len(kept),
        "line_characters": sum(map(len, stripped)),
        "longest_line": max(map(len, stripped), default=0),
        "short_lines": sum(len(line) <= 30 for line in stripped),
        "bullet_lines": sum(line[0] in "-*•‣▪●◦" for line in stripped),
        "ellipsis_lines": sum(ellipsis),
        "punctuated_lines": sum(line.endswith(ends) for line in stripped),
        "terminal_lines": sum(
            line.endswith(ends) and not dots for line, dots in zip(stripped, ellipsis, strict=True)
        ),
        "all_lines": len(lines),
        "datatrove_bullet_lines": sum(line[0] in "-•" for line in stripped),
        "datatrove_short_lines": sum(len(line) <= 30 for line in kept),
        "datatrove_terminal_lines": sum(table[ord(line[-1])] == 2 for line in kept),
    }


@settings(max_examples=75, deadline=None)
@given(st.lists(TEXT, max_size=3))
def test_looks_of_lines(texts: list[str]) -> None:
    text = text_buffer(pl.Series("text", texts, pl.String))
    classes = classify(text.buffer)
    counts, endings = count(text, classes, find(text, classes, split(text, classes)))
    found = [dict(zip(COUNTS, each, strict=True)) for each in counts.tolist()]
    assert found == [naive(each) for each in texts]
    assert len(endings) == sum(each["all_lines"] for each in found)
