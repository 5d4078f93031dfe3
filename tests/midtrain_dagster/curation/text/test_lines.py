import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.text.characters import SPACE, SPACELESS, class_of, classify
from midtrain_dagster.curation.text.lines import (
    COUNTS,
    CURLY_BRACKET,
    SQUARE_BRACKET,
    find,
    has_other_breaks,
)
from midtrain_dagster.curation.text.words import split

PIECES = st.sampled_from(
    [
        *"ab \n\t.#{[中\u00a0é",
        "\r\n",
        "\r",
        "\x0b",
        "\x85",
        "\u2028",
        "...",
        "…",
        "word",
        "中\u0301",
    ]
)
TEXTS = st.lists(st.lists(PIECES, max_size=20).map("".join) | st.text(max_size=20), max_size=4)


def naive_lines(text: str, every: bool) -> list[str]:
    lines = text.splitlines() if every else text.split("\n")
    return lines[:-1] if not every and lines[-1] == "" else lines


def brackets(line: str) -> int:
    return CURLY_BRACKET * ("{" in line) + SQUARE_BRACKET * ("[" in line)


@settings(max_examples=75, deadline=None)
@given(TEXTS, st.booleans())
def test_lines_are_those_of_python(texts: list[str], every: bool) -> None:
    text = text_buffer(pl.Series("text", texts, pl.String))
    classes = classify(text.buffer)
    words = split(text, classes)
    lines = find(text, classes, words, every=every)
    expected = [naive_lines(each, every) for each in texts]
    flat = [line for each in expected for line in each]
    whole = bytes(text.buffer)

    def spelt(starts, stops) -> list[str]:
        return [whole[a:b].decode() for a, b in zip(starts, stops, strict=True)]

    assert [b - a for a, b in zip(lines.offsets, lines.offsets[1:], strict=False)] == [
        len(each) for each in expected
    ]
    assert spelt(lines.begins, lines.ends) == flat
    assert spelt(lines.starts, lines.stops) == [line.strip() for line in flat]
    assert lines.raw_characters.tolist() == [len(line) for line in flat]
    assert lines.characters.tolist() == [len(line.strip()) for line in flat]
    assert lines.runs.tolist() == [len(line.split()) for line in flat]
    assert lines.longest_runs.tolist() == [max(map(len, line.split()), default=0) for line in flat]
    assert lines.brackets.tolist() == [brackets(line) for line in flat]
    counted = [len(split(text_buffer(pl.Series([line]))).starts) for line in flat]
    assert lines.words.tolist() == counted


@settings(max_examples=75, deadline=None)
@given(TEXTS)
def test_symbols_are_counted_by_document(texts: list[str]) -> None:
    text = text_buffer(pl.Series("text", texts, pl.String))
    classes = classify(text.buffer)
    found = find(text, classes, split(text, classes)).counts
    for counted, each in zip(found.tolist(), texts, strict=True):
        kinds = [class_of(character) for character in each]
        runs = "".join(" " if kind in (SPACE, SPACELESS) else "x" for kind in kinds).split()
        assert dict(zip(COUNTS, counted, strict=True)) == {
            "characters": len(each),
            "alphanumeric_characters": sum(kind in (1, 2, 3) for kind in kinds),
            "newlines": each.count("\n"),
            "hashes": each.count("#"),
            "ellipses": each.count("...") + each.count("…"),
            "curly_brackets": each.count("{"),
            "longest_run": max(map(len, runs), default=0),
        }


@settings(max_examples=75, deadline=None)
@given(st.lists(PIECES, max_size=20).map("".join) | st.text(max_size=20))
def test_breaks_other_than_newlines_are_seen(text: str) -> None:
    without = text.replace("\r\n", "\n")
    other = any(mark in without for mark in "\v\f\r\x1c\x1d\x1e\x85\u2028\u2029")
    assert has_other_breaks(text_buffer(pl.Series([text]))) == other
