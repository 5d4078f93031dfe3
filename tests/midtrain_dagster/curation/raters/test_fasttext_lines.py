import re
from collections.abc import Callable

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import Text, text_buffer
from midtrain_dagster.curation.raters.fasttext_lines import plain_lines, token_lines


def lines(texts: list[str], form: Callable[[Text], Text] = token_lines) -> list[str]:
    made = form(text_buffer(pl.Series(texts, dtype=pl.String)))
    buffer = made.buffer.tobytes()
    bounds = zip(made.offsets[:-1], made.offsets[1:], strict=True)
    return [buffer[start:stop].decode() for start, stop in bounds]


def by_regular_expressions(texts: list[str]) -> list[str]:
    apart = pl.col("text").str.to_lowercase().str.replace_all(r"([^\w\s])", " $1 ")
    column = pl.DataFrame({"text": texts}, {"text": pl.String})
    line = apart.str.replace_all(r"(?:[\s\x00]|</s>|__label__)+", " ").str.strip_chars()
    return column.select(line)["text"].to_list()


def test_punctuation_stands_apart_and_white_space_is_one_space() -> None:
    assert lines(["  Don't\tSTOP,\n\nplease... ", "", " \x00 ", "a_b \u00a0 c"]) == [
        "don ' t stop , please . . .",
        "",
        "",
        "a_b c",
    ]


def test_fasttext_s_marks_do_not_survive() -> None:
    assert lines(["x __label__positive y </s>", "__LABEL____label_", "a__label__b"]) == [
        "x positive y < / s >",
        "__label_",
        "a b",
    ]


def test_plain_lines_lose_the_marks_alone() -> None:
    assert lines(
        ["  Don't\tSTOP,\n\nplease.\u00a0.. ", "", " \x00 </s>", "a</s>b"], plain_lines
    ) == [
        "Don't STOP, please.\u00a0..",
        "",
        "",
        "a b",
    ]
    assert lines(["__lab__label__el__ <</s>/s> __LABEL__x"], plain_lines) == [
        "__lab el__ < /s> __LABEL__x"
    ]


def test_lower_case_goes_character_by_character() -> None:
    assert lines(["ÀÉ Straße ΟΔΟΣ İstanbul K\u212a ȺA"]) == ["àé straße οδοσ istanbul kk ⱥa"]


MARKS = re.compile(r"(?:[ \t\n\v\f\r\x00]|</s>|__label__)+")
pieces = st.sampled_from(
    ["__label__", "__label", "_", "</s>", "</s", "<", " ", "\n", "\u3000", "\0"]
)

whole = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)

# A final sigma and a dotted capital I are the two characters whose lower case needs more.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="Σİ"), max_size=40)
marked = st.lists(st.one_of(texts, st.sampled_from(["__label__", "_", "</s>", "Ⱥ", "!"])))


@settings(max_examples=75, deadline=None)
@example(["ȺȺȺ!Ⱥ", "!!!", "\U0001d518!\U0001d518"])
@given(st.lists(marked.map("".join), max_size=5))
def test_lines_equal_those_of_regular_expressions(documents: list[str]) -> None:
    assert lines(documents) == by_regular_expressions(documents)


def test_real_text_gives_the_same_lines(passages: pl.DataFrame, programs: pl.DataFrame) -> None:
    documents = [*passages["text"].head(300), *programs["text"]]
    expected = [line.replace("\u03c2", "\u03c3") for line in by_regular_expressions(documents)]
    assert [line.replace("\u03c2", "\u03c3") for line in lines(documents)] == expected


@settings(deadline=None)
@given(st.lists(st.lists(st.one_of(whole, pieces)).map("".join), max_size=5))
def test_plain_lines_equal_those_of_a_regular_expression(documents: list[str]) -> None:
    expected = [MARKS.sub(" ", each).strip(" ") for each in documents]
    assert lines(documents, plain_lines) == expected
    assert lines(expected, plain_lines) == expected
