import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import chunks, text_buffer
from midtrain_dagster.curation.text import characters
from midtrain_dagster.curation.text.characters import class_of, classify


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40))
def test_each_character_has_its_class_at_its_first_byte(text: str) -> None:
    buffer = text_buffer(pl.Series([text])).buffer
    expected = [
        each
        for character in text
        for each in (class_of(character), *[0] * (len(character.encode()) - 1))
    ]
    assert classify(buffer).tolist() == expected


@pytest.mark.parametrize(
    ("character", "kind"),
    [
        ("a", characters.LETTER),
        ("é", characters.LETTER),
        ("Ж", characters.LETTER),
        ("\u0301", characters.MARK),
        ("\u200d", characters.MARK),
        ("٣", characters.NUMBER),
        ("中", characters.SPACELESS),
        ("か", characters.SPACELESS),
        ("ไ", characters.SPACELESS),
        ("\u00a0", characters.SPACE),
        ("\u3000", characters.SPACE),
        ("\u2019", characters.APOSTROPHE),
        ("?", characters.STOP),
        ("。", characters.WIDE_STOP),
        ("\u201d", characters.CLOSING),
        ("_", characters.OTHER),
        ("🙂", characters.OTHER),
    ],
)
def test_class_of_some_characters(character: str, kind: int) -> None:
    assert class_of(character) == kind


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=20)), st.integers(1, 30))
def test_chunks_are_the_column_in_order(texts: list[str], size: int) -> None:
    column = pl.Series("text", texts, pl.String)
    found = list(chunks(column, size))
    assert [text for _, part in found for text in part] == texts
    assert [start for start, _ in found] == np.cumsum([0] + [len(p) for _, p in found])[
        :-1
    ].tolist()
    assert all(len(part) == 1 or part.str.len_bytes().sum() <= size for _, part in found)


def test_a_slice_of_a_column_has_its_own_bytes() -> None:
    text = text_buffer(pl.Series(["first", "zweite", "", "dritte"]).slice(1, 3))
    assert bytes(text.buffer) == b"zweitedritte"
    assert text.offsets.tolist() == [0, 6, 6, 12]


def test_a_null_text_is_refused() -> None:
    with pytest.raises(ValueError, match="1 null"):
        text_buffer(pl.Series("text", ["a", None]))
