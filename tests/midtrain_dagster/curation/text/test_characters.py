import unicodedata

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.text import characters
from midtrain_dagster.curation.text.characters import class_of, classify, eights


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
        ("ꦲ", characters.SPACELESS),
        ("가", characters.LETTER),
        ("བ", characters.LETTER),
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


def test_the_table_is_the_class_of_each_character_by_itself() -> None:
    classes = {"L": characters.LETTER, "N": characters.NUMBER, "M": characters.MARK}
    classes["Z"] = characters.SPACE
    for point in {*range(0x3100), *range(0, characters._LAST_LETTER, 17)}:
        character = chr(point)
        kind = classes.get(unicodedata.category(character)[0], characters.OTHER)
        spaceless = any(low <= point <= high for low, high in characters._SPACELESS_SCRIPTS)
        kind = characters.SPACELESS if kind == characters.LETTER and spaceless else kind
        assert class_of(character) == characters._CLASS_OF_CHARACTER.get(character, kind)
    assert class_of("\U000e0100") == characters.MARK and class_of("\U0010ffff") == characters.OTHER


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 20])
def test_eights_are_one_type_to_a_kernel_whatever_the_size(size: int) -> None:
    """A contiguous view would have the kernels compiled once more, spaCy's for half a minute."""
    buffer = np.frombuffer(bytes(range(1, size + 1)), np.uint8)
    view = eights(buffer)
    assert not view.flags.contiguous and not view.flags.writeable
    assert view.size == max(size - 7, 2)
    padded = bytes(range(1, size + 1)).ljust(9, b"\0")
    found = [int.from_bytes(padded[start : start + 8], "little") for start in range(view.size)]
    assert view.tolist() == found
