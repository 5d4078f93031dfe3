import unicodedata

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.signals import listed_words as module
from midtrain_dagster.curation.signals.listed_words import shares
from midtrain_dagster.curation.text.words import split

WORD = st.sampled_from(["a", "B", "bc", "Ämter", "ß", "漢", "don't", "3"])
JOIN = st.sampled_from([" ", ", ", "\n", " - "])
TEXT = st.lists(st.tuples(WORD, JOIN), max_size=12).map(
    lambda pairs: "".join(word + join for word, join in pairs)
)
ENTRY = st.lists(WORD, min_size=1, max_size=4).map(lambda words: " ".join(words).lower())
LISTS = st.dictionaries(
    st.sampled_from(["de", "en"]), st.lists(ENTRY, min_size=1, max_size=5).map(tuple), max_size=2
)
NAME = "toxic_word_ratio"


def words_of(text: str) -> list[str]:
    normal = unicodedata.normalize("NFKC", text).lower()
    found, data = split(text_buffer(pl.Series([normal]))), normal.encode()
    return [
        data[start:stop].decode() for start, stop in zip(found.starts, found.stops, strict=True)
    ]


def naive(text: str, entries: tuple[str, ...]) -> float:
    words, listed = words_of(text), [words_of(entry) for entry in entries]
    at = covered = 0
    while at < len(words):
        longest = max((len(e) for e in listed if words[at : at + len(e)] == e), default=0)
        covered += longest
        at += max(longest, 1)
    return covered / max(len(words), 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXT, st.sampled_from(["de", "en", "fr", None])), max_size=4), LISTS)
def test_shares_are_those_of_the_longest_entries_from_left_to_right(
    documents: list[tuple[str, str | None]], lists: dict[str, tuple[str, ...]]
) -> None:
    texts = pl.Series([text for text, _ in documents], dtype=pl.String)
    spoken = pl.Series([language for _, language in documents], dtype=pl.String)
    expected = [naive(text, lists.get(language or "", ())) for text, language in documents]
    found = shares(texts, spoken, {"toxic": lists}, [NAME])[NAME]
    assert found.tolist() == pytest.approx(expected)


def test_a_word_counts_in_its_own_language_and_whole() -> None:
    lists = {"toxic": {"en": ("ass", "ball gag"), "de": ("arsch",)}}
    texts = pl.Series(
        ["ASS arsch class", "ass Arsch klasse", "a Ball, gag!", "\uff21\uff33\uff33", "ass"]
    )
    spoken = pl.Series(["en", "de", "en", "en", "fi"])
    found = shares(texts, spoken, lists, [NAME])[NAME]
    assert found.tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3, 1, 0])


def test_chunks_do_not_change_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, spoken = pl.Series(["a bad word", "", "bad"] * 20), pl.Series(["en"] * 60)
    whole = shares(texts, spoken, {"toxic": {"en": ("bad",)}}, [NAME])[NAME]
    monkeypatch.setattr(module, "CHUNK_BYTES", 7)
    cut = shares(texts, spoken, {"toxic": {"en": ("bad",)}}, [NAME])[NAME]
    assert cut.tolist() == whole.tolist() == pytest.approx([1 / 3, 0, 1] * 20)


def test_a_text_that_nearly_is_an_entry_at_every_word_has_nothing() -> None:
    entry = " ".join(["a"] * 15 + ["b"])
    texts = pl.Series(["a " * 100_000])
    lists = {"toxic": {"en": (entry,)}}
    assert shares(texts, pl.Series(["en"]), lists, [NAME])[NAME].tolist() == [0]
