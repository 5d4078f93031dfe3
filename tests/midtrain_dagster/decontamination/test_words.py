import unicodedata

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.text.normalisation import normalise
from midtrain_dagster.curation.text.words import split
from midtrain_dagster.decontamination.notation import meant
from midtrain_dagster.decontamination.words import (
    APOSTROPHES,
    TATWEEL,
    Words,
    find_sources,
    read_words,
)

from ..curation.invariance import same_to_a_reader

TEXT = st.text(
    st.one_of(
        st.sampled_from(
            "ab1 É'\u2019.-_\n日本かカﾊ½²é가\U0001d465\U00020000🙂\u0301\u094d\u05b8\u0640"
        ),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=40,
)


PERSIAN = {"\u0643": "\u06a9", "\u0649": "\u06cc", "\u064a": "\u06cc"}


def column(*texts: str) -> pl.Series:
    return pl.Series("text", texts, dtype=pl.String)


def words(*texts: str) -> list[list[str]]:
    found = read_words(column(*texts))
    letters = found.letters.tobytes()
    spelt = [letters[a:b].decode() for a, b in zip(found.start, found.stop, strict=True)]
    return [spelt[a:b] for a, b in zip(found.first[:-1], found.first[1:], strict=True)]


def naive(text: str) -> list[str]:
    """The rule of the module's docstring on deduplication's words, a character at a time."""
    normal = normalise(meant(column(text)))
    given = bytes(normal.buffer[: normal.offsets[-1]])
    found = split(text_buffer(column(given.decode())))
    spelt = [given[a:b].decode() for a, b in zip(found.starts, found.stops, strict=True)]
    return [word for word in map(_folded, spelt) if word]


def _folded(word: str) -> str:
    result, loose = "", False
    for written in word:
        character = PERSIAN.get(written, written)
        name = unicodedata.name(character, "")
        mark = unicodedata.category(character) in ("Mn", "Me")
        if character in APOSTROPHES + TATWEEL:
            continue
        if mark and name.startswith(("HEBREW", "ARABIC", "SYRIAC")):
            result += character if 0x653 <= ord(character) <= 0x655 else ""
        elif mark and unicodedata.combining(character):
            result += "" if loose else character
        else:
            base, *marks = unicodedata.normalize("NFD", character)
            loose = name.startswith(("LATIN ", "GREEK ", "CYRILLIC ")) and ord(character) < 0x20000
            accented = loose and marks and all(map(unicodedata.combining, marks))
            result += base if accented else character
    return result


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=4))
def test_words_are_those_of_the_rule(texts: list[str]) -> None:
    assert words(*texts) == [naive(text) for text in texts]


def facts(found: Words) -> tuple[list[int], ...]:
    return found.first.tolist(), found.hashes.tolist(), found.accents.tolist()


@settings(max_examples=100, deadline=None)
@given(TEXT, st.data())
def test_what_a_reader_does_not_see_changes_no_word(text: str, data: st.DataObject) -> None:
    text = text.translate(dict.fromkeys(map(ord, "\\&<-\u2010`\u00b4\n"), " "))  # no notation
    other = data.draw(same_to_a_reader(text))
    assert facts(read_words(column(text))) == facts(read_words(column(other)))


@settings(max_examples=75, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=3))
def test_sources_hold_the_word(texts: list[str]) -> None:
    found = read_words(column(*texts))
    for document, text in enumerate(texts):
        count = found.first[document + 1] - found.first[document]
        for word in range(count):
            at = pl.Series([word]).to_numpy()
            row = pl.Series([document]).to_numpy()
            start, stop = find_sources(column(*texts), row, at, at)
            part = text.encode()[start[0] : stop[0]].decode()
            assert words(text)[0][word] in words(part)[0]


def test_what_counts_and_what_does_not() -> None:
    assert words("Don't STOP—it\u2019s 3.50") == [["dont", "stop", "its", "3", "50"]]
    assert words("Résumé") == words("Re\u0301sume\u0301") == [["resume"]]
    assert words("東京2020") == [["東", "京", "2020"]]
    assert words("has_close_elements(numbers)") == [["has", "close", "elements", "numbers"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("किताब की कीमत", ["किताब", "की", "कीमत"]),
        ("ข้าว ไทย", ["ข้", "า", "ว", "ไ", "ท", "ย"]),
        ("الْقَاهِرَةُ مـــصر", ["القاهرة", "مصر"]),
        ("שָׁלוֹם", ["שלום"]),
        ("서울의 봄", ["서울의", "봄"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("Tiếng Việt", ["tieng", "viet"]),
        ("ISPARTA'DA \u0131\u015f\u0131k", ["ispartada", "isik"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("ὈΔΥΣΣΕΎΣ ὀδυσσεύς", ["οδυσσευσ", "οδυσσευσ"]),
        ("ガギ が", ["ガ", "ギ", "が"]),
        ("ёлка й", ["елка", "и"]),
    ],
)
def test_words_of_many_scripts(text: str, expected: list[str]) -> None:
    assert words(text) == [expected]


def test_different_words_stay_different() -> None:
    """Vowel signs, voicing marks, hamza: they are letters."""
    for one, two in [("की", "का"), ("क", "क़"), ("か", "が"), ("سأل", "سال"), ("น้า", "น่า")]:
        assert words(one) != words(two)


def test_an_accent_may_be_lost_but_not_exchanged() -> None:
    found = read_words(column("ma", "má", "mà", "MÁ"))
    assert len(set(found.hashes.tolist())) == 1
    bare, acute, grave, capital = found.accents.tolist()
    assert bare == 0 and acute == capital != grave and grave


def test_digits_stay() -> None:
    assert words("16 eggs") != words("17 eggs")


def test_no_text() -> None:
    assert words("", " .. ", "a", "\u02bc") == [[], [], ["a"], []]
