import sys
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.curation.text.characters import classify
from midtrain_dagster.curation.text.normalisation import PADDING, normalise

ALONE = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point < 0xE000]
TRICKY = st.text(
    st.sampled_from(
        "aZ \t\x1c\u00a0é\u0301\u0323eÉ\u03a3\u03c3İIẞȺ\u212a\u1100\u1161\u11a8"
        "가\u0958ーが\u3099漢😀.'\u2019"
    )
    | st.characters(codec="utf-8"),
    max_size=20,
)


def by_polars(texts: pl.Series) -> list[str]:
    """The definition, by string functions."""
    lowered = texts.str.normalize("NFC").str.to_lowercase()
    return lowered.str.replace_all(r"[\s\x1c-\x1f]+", " ").str.strip_chars(" ").to_list()


def strings(texts: pl.Series) -> list[str]:
    buffer, offsets, _ = normalise(texts)
    return [bytes(buffer[start:stop]).decode() for start, stop in pairwise(offsets)]


@settings(max_examples=75, deadline=None)
@given(st.lists(TRICKY, max_size=4))
def test_texts_are_what_polars_makes_of_them(texts: list[str]) -> None:
    column = pl.Series(texts, dtype=pl.String)
    assert strings(column) == by_polars(column)


def test_every_character_is_what_polars_makes_of_it() -> None:
    column = pl.Series([f"x{character}y" for character in ALONE])
    assert strings(column) == by_polars(column)


def test_every_character_among_letters_is_what_polars_makes_of_the_whole() -> None:
    column = pl.Series("".join(ALONE[first : first + 100]) for first in range(0, len(ALONE), 100))
    assert strings(column) == by_polars(column)


def test_a_normal_text_stays_as_it_is(passages: pl.DataFrame) -> None:
    normal = pl.Series(strings(passages["text"]))
    assert strings(normal) == normal.to_list()


@settings(max_examples=75, deadline=None)
@given(st.lists(TRICKY, min_size=1, max_size=3))
def test_classes_are_those_of_the_normal_text(texts: list[str]) -> None:
    buffer, offsets, classes = normalise(pl.Series(texts))
    assert buffer.size == classes.size == offsets[-1] + PADDING
    assert not buffer[offsets[-1] :].any()
    expected = classify(buffer)
    assert np.array_equal(classes[: offsets[-1]], expected[: offsets[-1]])


def test_punctuation_stays_and_shape_goes() -> None:
    texts = pl.Series([" A  Cafe\u0301\n\tb ", "a café b", "a + b", "a - b", ""])
    assert strings(texts) == ["a café b", "a café b", "a + b", "a - b", ""]


def test_a_null_is_refused() -> None:
    with pytest.raises(ValueError, match="1 null"):
        normalise(pl.Series("text", ["a", None]))
