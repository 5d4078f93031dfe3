import re
import sys
import unicodedata
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.text.characters import classify
from midtrain_dagster.curation.text.normalisation import (
    PADDING,
    normalise,
    normalise_with_sources,
)

from ..invariance import IGNORABLE, WIDE, same_to_a_reader

ALONE = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point < 0xE000]
TRICKY = st.text(
    st.sampled_from(
        "aZ \t\x1c\u00a0é\u0301\u0323\u0345\u0307eÉi\u03a3\u03c3İI\u0131ẞȺ\u212a\u1100\u1161\u11a8"
        "가\u0958ーがｶ\uff9e\u3099漢😀.'\u2019\u200d\u00ad\u1f82…½ﬁกำน้\u09c7\u09be\ufdfa"
    )
    | st.characters(codec="utf-8"),
    max_size=20,
)


def by_definition(text: str) -> str:
    """NFKC_Casefold (The Unicode Standard, D147), the rule of the Turkish i's, single spaces.

    What is ignored goes first, so that none of it keeps two marks from changing places.
    """
    text = "".join(character for character in text if character not in IGNORABLE)
    while True:
        folded = unicodedata.normalize("NFD", text).casefold()
        folded = unicodedata.normalize("NFKD", folded).replace("\u0131", "i")
        folded = re.sub("i\u0307+", "i", folded)
        folded = "".join(character for character in folded if character not in IGNORABLE)
        folded = unicodedata.normalize("NFC", folded)
        if folded == text:
            return re.sub(r"[\s\x1c-\x1f\x85]+", " ", text).strip(" ")
        text = folded


def strings(texts: pl.Series) -> list[str]:
    buffer, offsets, _ = normalise(texts)
    return [bytes(buffer[start:stop]).decode() for start, stop in pairwise(offsets)]


def column(texts: list[str]) -> pl.Series:
    return pl.Series(texts, dtype=pl.String)


@settings(max_examples=150, deadline=None)
@given(st.lists(TRICKY, max_size=4))
def test_texts_are_those_of_the_definition(texts: list[str]) -> None:
    assert strings(column(texts)) == [by_definition(text) for text in texts]


@pytest.mark.slow
@pytest.mark.parametrize("among", ["x{}y", "e{}\u0323", "i{}\u0307"])
def test_every_character_is_that_of_the_definition(among: str) -> None:
    texts = [among.format(character) for character in ALONE[:0x20000]]
    assert strings(column(texts)) == [by_definition(text) for text in texts]


def test_every_character_among_its_neighbours_is_that_of_the_whole() -> None:
    texts = ["".join(ALONE[first : first + 100]) for first in range(0, len(ALONE), 100)]
    assert strings(column(texts)) == [by_definition(text) for text in texts]


@settings(max_examples=150, deadline=None)
@given(TRICKY, st.data())
def test_what_a_reader_does_not_see_changes_nothing(text: str, data: st.DataObject) -> None:
    assert strings(column([data.draw(same_to_a_reader(text))])) == strings(column([text]))


@pytest.mark.parametrize(
    "texts",
    [
        ("Straße", "STRASSE", "STRAẞE", "strasse"),
        ("ΟΔΟΣ", "οδος", "οδοσ"),
        ("s\u0131n\u0131r", "SINIR", "SİNİR", "sinir"),
        ("İstanbul", "i\u0307stanbul", "ISTANBUL"),
        ("ガイド", "ｶﾞｲﾄﾞ", "カ\u3099イト\u3099"),
        ("한국", "\u1112\u1161\u11ab\u1100\u116e\u11a8", "한\u115f국"),
        ("क़िला", "क\u093cिला"),
        ("น้ำ", "น\u0e49\u0e4dา", "น\u200b้ำ"),
        ("Việt", "VIE\u0302\u0323T", "vie\u0323\u0302t"),
        ("ABC 12".translate(WIDE), "abc\u300012", "aBc 12"),
        ("office", "o\ufb03ce", "of\u00adfice"),
    ],
)
def test_spellings_of_one_text(texts: tuple[str, ...]) -> None:
    assert len(set(strings(column(list(texts))))) == 1


def test_a_normal_text_stays_as_it_is(passages: pl.DataFrame) -> None:
    normal = pl.Series(strings(passages["text"]))
    assert strings(normal) == normal.to_list()


def test_a_text_that_grows_has_room() -> None:
    assert strings(pl.Series(["\ufdfa" * 1000])) == [by_definition("\ufdfa" * 1000)]


def test_a_long_run_of_marks_is_sorted() -> None:
    text = "a" + "\u0301\u0323\u0345\u0327" * 1_000
    assert strings(pl.Series([text])) == [by_definition(text)]


@settings(max_examples=75, deadline=None)
@given(st.lists(TRICKY, min_size=1, max_size=3))
def test_classes_are_those_of_the_normal_text(texts: list[str]) -> None:
    buffer, offsets, classes = normalise(pl.Series(texts))
    assert buffer.size == classes.size == offsets[-1] + PADDING
    assert not buffer[offsets[-1] :].any()
    expected = classify(buffer)
    assert np.array_equal(classes[: offsets[-1]], expected[: offsets[-1]])


@settings(max_examples=100, deadline=None)
@given(st.lists(TRICKY, min_size=1, max_size=3))
def test_bytes_come_from_the_characters_that_they_are_made_of(texts: list[str]) -> None:
    (buffer, offsets, classes), (starts, stops) = normalise_with_sources(pl.Series(texts))
    given = bytes(text_buffer(pl.Series(texts)).buffer)
    assert all(
        np.array_equal(a, b)
        for a, b in zip(normalise(pl.Series(texts)), (buffer, offsets, classes), strict=True)
    )
    for begin, end in pairwise(offsets):
        ends = [*np.flatnonzero(np.diff(starts[begin:end])) + begin + 1, end] if end > begin else []
        for one, two in pairwise([begin, *ends]):
            assert (stops[one:two] == stops[one]).all()
            source = given[starts[one] : stops[one]].decode()
            made = bytes(buffer[one:two]).decode()
            assert by_definition(f"({source})")[1:-1].strip() == made.strip()


def test_punctuation_stays_and_shape_goes() -> None:
    texts = pl.Series([" A  Cafe\u0301\n\tb ", "a café b", "a + b", "a - b", ""])
    assert strings(texts) == ["a café b", "a café b", "a + b", "a - b", ""]


def test_a_null_is_refused() -> None:
    with pytest.raises(ValueError, match="1 null"):
        normalise(pl.Series("text", ["a", None]))
