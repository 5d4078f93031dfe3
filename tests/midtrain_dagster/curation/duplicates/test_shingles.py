from itertools import pairwise

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.text_buffer import text_buffer
from midtrain_dagster.curation.duplicates.shingles import (
    jaccard,
    same_texts,
    shingle_hash,
    shingle_hashes,
    shingles,
    text_hashes,
)
from midtrain_dagster.curation.text.normalisation import normalise
from midtrain_dagster.curation.text.words import split

WORDS = st.lists(st.sampled_from("abcd"), max_size=12).map(" ".join)
TEXTS = st.text(
    st.sampled_from("aB1 .'\u2019éÉe\u0301Σ漢ーก\u0e49\u00ad\n") | st.characters(codec="utf-8"),
    max_size=40,
)


def hashes_of(texts: list[str], size: int) -> list[list[int]]:
    offsets, hashes = shingle_hashes(normalise(pl.Series(texts)), size)
    return [hashes[a:b].tolist() for a, b in pairwise(offsets)]


@settings(max_examples=75, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3), st.integers(1, 6))
def test_kernels_hash_the_byte_form(texts: list[str], size: int) -> None:
    for text, hashes in zip(texts, hashes_of(texts, size), strict=True):
        expected = [shingle_hash(shingle) for shingle in shingles(text, size)]
        assert [each >> 32 for each in hashes] == expected


@settings(max_examples=75, deadline=None)
@given(TEXTS)
def test_words_are_those_of_the_word_splitter(text: str) -> None:
    buffer, offsets, _ = normalise(pl.Series([text]))
    normal = bytes(buffer[: offsets[-1]])
    words = split(text_buffer(pl.Series([normal.decode()])))
    expected = [normal[a:b] for a, b in zip(words.starts, words.stops, strict=True)]
    assert shingles(text, 1) == expected


def test_long_words_are_hashed_whole() -> None:
    texts = ["a" * length + ending for length in range(30) for ending in "bc"]
    hashes = [found for (found,) in hashes_of(texts, 1)]
    assert len(set(hashes)) == len(texts)
    assert [each >> 32 for each in hashes] == [shingle_hash(text.encode()) for text in texts]


def test_real_shingles_do_not_collide(passages: pl.DataFrame) -> None:
    texts = passages["text"].to_list()
    spelt = {shingle for text in texts for shingle in shingles(text, 5)}
    found = {each for hashes in hashes_of(texts, 5) for each in hashes}
    assert len(found) == len(spelt) > 100_000
    # Of n hashes of 32 bits about n^2 / 2^33 collide.
    expected = len(spelt) ** 2 / 2**33
    assert len(spelt) - len({each >> 32 for each in found}) < 3 * expected + 3


def test_shingle_hash_golden() -> None:
    """Published: datasketch users rely on it."""
    assert shingle_hash(b"the quick brown fox jumps") == 4245876882
    assert shingle_hash("internationalisation für alle 漢".encode()) == 2708573105
    assert shingle_hash(b"") == 0


def test_a_text_of_fewer_words_has_no_shingle() -> None:
    assert shingles("One, two -- THREE!", 3) == [b"one two three"]
    assert shingles("One, two", 3) == []
    assert hashes_of(["", "one two"], 3) == [[], []]


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, min_size=2, max_size=4), st.integers(1, 4))
def test_jaccard_is_that_of_the_sets(texts: list[str], size: int) -> None:
    offsets, hashes = shingle_hashes(normalise(pl.Series(texts)), size)
    a, b = np.arange(len(texts) - 1), np.arange(1, len(texts))
    sets = [set(shingles(text, size)) for text in texts]
    expected = [
        len(sets[i] & sets[j]) / max(len(sets[i] | sets[j]), 1) for i, j in zip(a, b, strict=True)
    ]
    assert jaccard(offsets, hashes, a, b).tolist() == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("ab ", max_size=12), min_size=2, max_size=6))
def test_equal_texts_and_only_those_have_equal_hashes(texts: list[str]) -> None:
    normalised = normalise(pl.Series(texts))
    hashes = text_hashes(normalised)
    left, right = np.triu_indices(len(texts))
    plain = [" ".join(text.split()) for text in texts]
    expected = [plain[a] == plain[b] for a, b in zip(left, right, strict=True)]
    assert same_texts(normalised, left, right).tolist() == expected
    assert (hashes[left] == hashes[right]).tolist() == expected
