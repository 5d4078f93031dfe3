import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.decontamination.ngram import (
    Seeds,
    build_seeds,
    common_words,
    match_ngrams,
)
from midtrain_dagster.decontamination.templates import windows_of
from midtrain_dagster.decontamination.words import Words, read_words

SENTENCE = st.lists(st.sampled_from("abc"), max_size=12)


def as_words(*sentences: list[str]) -> Words:
    return read_words(pl.Series([" ".join(sentence) for sentence in sentences], dtype=pl.String))


def as_seeds(items: Words, ngram: int, shortest: int) -> Seeds:
    lengths = np.diff(items.first)
    needed = np.where(lengths >= shortest, np.minimum(lengths, ngram), 0)
    own = np.ones(len(items.hashes), np.bool_)
    return build_seeds(items, windows_of(needed, lengths), own, shortest)


def longest(left: list[str], right: list[str]) -> int:
    if not left or not right:
        return 0
    if left[0] == right[0]:
        return 1 + longest(left[1:], right[1:])
    return max(longest(left[1:], right), longest(left, right[1:]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=7), st.lists(st.sampled_from("abc"), max_size=7))
def test_common_words_is_the_longest_common_subsequence(left: list[str], right: list[str]) -> None:
    document, item = as_words(["x"], left), as_words(["y"], right)
    # Neither stands first in its table, and the other entries must not leak in.
    own = np.ones(len(item.hashes), np.bool_)
    got = common_words(document, document.first[1], document.first[2], item, 1, own)
    assert got == longest(left, right)


@settings(max_examples=75, deadline=None)
@given(st.lists(SENTENCE, min_size=1, max_size=3), st.lists(SENTENCE, min_size=1, max_size=3))
def test_matches_are_all_shared_ngrams(documents: list[list[str]], items: list[list[str]]) -> None:
    ngram, shortest = 4, 2
    table = as_words(*documents)
    expected = []
    for d, document in enumerate(documents):
        for v, item in enumerate(items):
            needed = ngram if len(item) >= ngram else len(item)
            if needed < shortest:
                continue
            expected += [
                (d, v, table.first[d] + p, q, needed)
                for p in range(len(document) - needed + 1)
                for q in range(len(item) - needed + 1)
                if document[p : p + needed] == item[q : q + needed]
            ]
    item_words = as_words(*items)
    matches = match_ngrams(table, item_words, as_seeds(item_words, ngram, shortest))
    assert sorted(map(tuple, matches.T.tolist())) == sorted(expected)


def test_a_hash_collision_accuses_nobody() -> None:
    item, document = as_words(list("abcd")), as_words(list("abce"))
    forged = document._replace(hashes=item.hashes)
    seeds = as_seeds(item, 4, 2)
    assert match_ngrams(item, item, seeds).shape[1] == 1
    assert match_ngrams(forged, item, seeds).shape[1] == 0
    assert common_words(forged, 0, 4, item, 0, np.ones(4, np.bool_)) == 3


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from("abc"), max_size=7),
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=7),
)
def test_words_that_are_not_its_own_are_passed_over(
    left: list[str], right: list[tuple[str, bool]]
) -> None:
    document, item = as_words(left), as_words([word for word, _ in right])
    own = np.array([mine for _, mine in right])
    got = common_words(document, 0, document.first[1], item, 0, own)
    assert got == longest(left, [word for word, mine in right if mine])
