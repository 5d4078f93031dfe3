import unicodedata

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.decontamination.normalise import WHOLE_WORD, find_words

TEXT = st.text(
    st.one_of(
        st.sampled_from("ab1 É'\u2019.-_\n日本かカﾊ½²é가\U0001d465\U00020000🙂"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=40,
)


def words(*texts: str) -> list[list[str]]:
    data = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, data)])
    found = find_words(np.frombuffer(b"".join(data), np.uint8), offsets)
    letters = np.split(found.letters & (WHOLE_WORD - 1), found.letters_stop)[:-1]
    strings = ["".join(map(chr, word)) for word in letters]
    return [strings[a:b] for a, b in zip(found.first[:-1], found.first[1:], strict=True)]


def naive(text: str) -> list[str]:
    """The rule of the module's docstring, a character at a time."""
    result = [""]
    for character in text:
        if 0x20000 <= ord(character) < 0x40000:
            result += [character, ""]
            continue
        if not character.isalnum():
            mark = unicodedata.category(character) == "Mn" or character in "'\u2019\u02bc"
            result += [] if mark else [""]
            continue
        base = [
            c for c in unicodedata.normalize("NFKD", character) if unicodedata.category(c) != "Mn"
        ]
        base = base[0] if len(base) == 1 and base[0].isalnum() else character
        base = base.lower() if len(base.lower()) == 1 else base
        ideograph = unicodedata.name(base, "").startswith(("CJK ", "HIRAGANA ", "KATAKANA "))
        if ideograph:
            result += [base, ""]
        else:
            result[-1] += base
    return [word for word in result if word]


@settings(max_examples=75, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=4))
def test_words_are_those_of_the_rule(texts: list[str]) -> None:
    assert words(*texts) == [naive(text) for text in texts]


@settings(max_examples=50, deadline=None)
@given(TEXT)
def test_spans_hold_the_word_and_equal_words_have_equal_hashes(text: str) -> None:
    data = np.frombuffer(text.encode(), np.uint8)
    found = find_words(data, np.array([0, len(data)]))
    for start, stop, value in zip(found.start, found.stop, found.hashes, strict=True):
        part = data[start:stop]
        alone = find_words(part, np.array([0, len(part)]))
        assert alone.hashes.tolist() == [value]


def test_what_counts_and_what_does_not() -> None:
    assert words("Don't STOP—it\u2019s 3.50") == [["dont", "stop", "its", "3", "50"]]
    assert words("Résumé") == words("Re\u0301sume\u0301") == [["resume"]]
    assert words("東京2020") == [["東", "京", "2020"]]
    assert words("has_close_elements(numbers)") == [["has", "close", "elements", "numbers"]]


def test_digits_stay() -> None:
    assert words("16 eggs") != words("17 eggs")


def test_no_text() -> None:
    assert words("", " .. ", "a") == [[], [], ["a"]]
