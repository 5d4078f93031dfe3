import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.decontamination.ngram import build_seeds, common_words, match_ngrams
from midtrain_dagster.decontamination.normalise import Words, find_words

SENTENCE = st.lists(st.sampled_from("abc"), max_size=12)


def as_words(*sentences: list[str]) -> Words:
    data = [" ".join(sentence).encode() for sentence in sentences]
    return find_words(np.frombuffer(b"".join(data), np.uint8), np.cumsum([0, *map(len, data)]))


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
    got = common_words(document, document.first[1], document.first[2], item, 1)
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
                (d, v, table.first[d] + p, q)
                for p in range(len(document) - needed + 1)
                for q in range(len(item) - needed + 1)
                if document[p : p + needed] == item[q : q + needed]
            ]
    item_words = as_words(*items)
    matches = match_ngrams(table, item_words, build_seeds(item_words, ngram, shortest))
    assert sorted(map(tuple, matches.T.tolist())) == sorted(expected)


def test_a_hash_collision_accuses_nobody() -> None:
    item, document = as_words(list("abcd")), as_words(list("abce"))
    forged = document._replace(hashes=item.hashes)
    seeds = build_seeds(item, 4, 2)
    assert match_ngrams(item, item, seeds).shape[1] == 1
    assert match_ngrams(forged, item, seeds).shape[1] == 0
    assert common_words(forged, 0, 4, item, 0) == 3
