import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.text.characters import (
    APOSTROPHE,
    LETTER,
    MARK,
    NUMBER,
    SPACELESS,
    class_of,
)
from midtrain_dagster.curation.text.words import from_spans, split

TEXT = st.text(st.sampled_from("aB9é'\u2019 .,\n中か\u0301_-tThe"), max_size=60) | st.text(
    max_size=30
)


def naive_words(text: str) -> list[str]:
    """The definition in the docstring of `words`, character by character."""
    words: list[str] = []
    last = None  # class of the last letter or number of the open word; None if no word is open
    for index, character in enumerate(text):
        kind = class_of(character)
        following = class_of(text[index + 1]) if index + 1 < len(text) else None
        if kind == MARK and last is not None:
            words[-1] += character
        elif kind == SPACELESS or (kind in (LETTER, NUMBER) and last in (None, SPACELESS)):
            words.append(character)
            last = kind
        elif kind in (LETTER, NUMBER):
            words[-1] += character
            last = kind
        elif kind == APOSTROPHE and last == LETTER and following == LETTER:
            words[-1] += character
        else:
            last = None
    return words


@settings(max_examples=75, deadline=None)
@given(st.lists(TEXT, max_size=4))
def test_words_are_those_of_the_definition(texts: list[str]) -> None:
    text = text_buffer(pl.Series("text", texts, pl.String))
    words = split(text)
    buffer = bytes(text.buffer)
    spelt = [
        buffer[start:stop].decode() for start, stop in zip(words.starts, words.stops, strict=True)
    ]
    expected = [naive_words(each) for each in texts]
    assert [spelt[a:b] for a, b in zip(words.offsets, words.offsets[1:], strict=False)] == expected
    flat = [word for each in expected for word in each]
    assert words.characters.tolist() == [len(word) for word in flat]
    letters = (LETTER, SPACELESS)
    assert words.alphabetic.tolist() == [any(class_of(c) in letters for c in w) for w in flat]
    assert not words.symbolic.any()
    hashes = dict(zip(flat, words.hashes.tolist(), strict=True))
    assert words.hashes.tolist() == [hashes[word] for word in flat]
    assert len(set(hashes.values())) == len(hashes)
    again = from_spans(text, words.offsets, words.starts, words.stops)
    assert all((one == other).all() for one, other in zip(words, again, strict=True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't panic.", ["Don't", "panic"]),
        ("the dogs' bowl", ["the", "dogs", "bowl"]),
        ("rock\u2019n\u2019roll", ["rock\u2019n\u2019roll"]),
        ("3.14 and snake_case", ["3", "14", "and", "snake", "case"]),
        ("naïve Füße привет", ["naïve", "Füße", "привет"]),
        ("我是 GPT4", ["我", "是", "GPT4"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
        ("भारत की राजधानी क्या है", ["भारत", "की", "राजधानी", "क्या", "है"]),
        ("น้ำตาล", ["น้", "ำ", "ต", "า", "ล"]),
        ("한국의 수도", ["한국의", "수도"]),
        ("القاهِرة هي", ["القاهِرة", "هي"]),
        ("Việt Nam", ["Việt", "Nam"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("... --- !!!", []),
        ("antidisestablishmentarianism, supercalifragilistic", None),
    ],
)
def test_words_of_some_texts(text: str, expected: list[str]) -> None:
    buffer = text_buffer(pl.Series([text]))
    words = split(buffer)
    found = [
        bytes(buffer.buffer[start:stop]).decode()
        for start, stop in zip(words.starts, words.stops, strict=True)
    ]
    assert found == naive_words(text)
    assert expected is None or found == expected


def test_words_of_another_splitter() -> None:
    text = text_buffer(pl.Series(["Don't …", "", "\u2014 é1"]))
    words = from_spans(text, [0, 3, 3, 5], [0, 2, 6, 9, 13], [2, 5, 9, 12, 16])
    assert words.characters.tolist() == [2, 3, 1, 1, 2]
    assert words.alphabetic.tolist() == [True, True, False, False, True]
    assert words.symbolic.tolist() == [False, False, True, True, False]
    assert words.hashes[0] == split(text_buffer(pl.Series(["Do"]))).hashes[0]


@pytest.mark.parametrize(
    ("offsets", "starts", "stops"),
    [
        ([0, 1], [0], [1]),
        ([0, 1, 1], [0], [1, 2]),
        ([0, 1, 1], [0], [4]),
        ([0, 0, 1], [1], [4]),
        ([0, 1, 1], [1], [1]),
    ],
)
def test_spans_that_do_not_fit_are_refused(offsets, starts, stops) -> None:
    text = text_buffer(pl.Series(["one", "two"]))
    with pytest.raises(ValueError, match=r"do not belong|outside its document"):
        from_spans(text, np.array(offsets), np.array(starts), np.array(stops))
