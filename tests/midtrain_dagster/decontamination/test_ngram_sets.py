from math import log

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.decontamination.ngram_sets import grown, ngram_sets, overlaps, rolled
from midtrain_dagster.decontamination.words import Words, read_words

SENTENCE = st.lists(st.sampled_from("abc"), max_size=16)
SENTENCES = st.lists(SENTENCE, min_size=1, max_size=3)
SIZE = 2


def as_words(sentences: list[list[str]]) -> Words:
    return read_words(pl.Series([" ".join(each) for each in sentences], dtype=pl.String))


def ngrams(words: list[str]) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + SIZE]) for at in range(len(words) - SIZE + 1)]


def weight(items: list[list[str]], ngram: tuple[str, ...]) -> float:
    return log(1 + len(with_any(items)) / sum(ngram in ngrams(item) for item in items))


def with_any(items: list[list[str]]) -> list[list[str]]:
    return [item for item in items if ngrams(item)]


def share(items: list[list[str]], item: list[str], held: set) -> float:
    own = {each: weight(items, each) for each in ngrams(item)}
    return sum(own[each] for each in held) / sum(own.values())


def naive_grown(documents, items, seeds, misses):
    """The definition, over strings."""
    found = []
    for document, variant, place in seeds:
        if found and found[-1][:2] == (document, variant) and place < found[-1][3] + 1:
            continue
        there, own = ngrams(documents[document]), set(ngrams(items[variant]))
        left, right, held = place, place - 1, set()
        for step in (1, -1):
            at, missed = place if step > 0 else place - 1, 0
            while 0 <= at < len(there) and missed < misses:
                missed = 0 if there[at] in own else missed + 1
                if there[at] in own:
                    held.add(there[at])
                    left, right = min(left, at), max(right, at)
                at += step
        if held:
            overlap = share(items, items[variant], held)
            found.append((document, variant, left, right + SIZE - 1, len(held), overlap))
    return found


@settings(max_examples=80, deadline=None)
@given(SENTENCES, SENTENCES, st.integers(1, 3))
def test_passages_grow_as_defined(documents, items, misses) -> None:
    table, texts = as_words(documents), as_words(items)
    sets = ngram_sets(texts, SIZE, np.arange(len(items)))
    seeds = [
        (d, v, place)
        for d, document in enumerate(documents)
        for v, item in enumerate(items)
        for place, ngram in enumerate(ngrams(document))
        if ngram in ngrams(item)
    ]
    expected = naive_grown(documents, items, seeds, misses)
    rows = np.array([(d, v, table.first[d] + at) for d, v, at in seeds], np.int64).reshape(-1, 3)
    got = grown(table, rolled(table, SIZE), sets, rows.T, misses)
    starts = table.first[got.document]
    assert list(
        zip(
            got.document, got.variant, got.first_word - starts, got.last_word - starts, got.ngrams,
            strict=True,
        )
    ) == [each[:5] for each in expected]  # fmt: skip
    assert got.overlap.tolist() == pytest.approx([each[5] for each in expected])


@settings(max_examples=60, deadline=None)
@given(SENTENCES, SENTENCE)
def test_overlap_is_the_share_of_the_set(items, document) -> None:
    table = as_words([document])
    sets = ngram_sets(as_words(items), SIZE, np.arange(len(items)))
    every = np.arange(len(items))
    stop = np.full(len(items), max(0, len(document) - SIZE + 1))
    got = overlaps(rolled(table, SIZE), sets, every, np.zeros(len(items), np.int64), stop)
    expected = [
        share(items, item, set(ngrams(item)) & set(ngrams(document))) if ngrams(item) else 0
        for item in items
    ]
    assert got.tolist() == pytest.approx(expected)


def test_the_order_of_sentences_does_not_count() -> None:
    one, two = list("abcdef"), list("uvwxyz")
    table, texts = as_words([two + one]), as_words([one + two])
    sets = ngram_sets(texts, SIZE, np.arange(1))
    got = grown(table, rolled(table, SIZE), sets, np.zeros((3, 1), np.int64), 3)
    assert got.overlap.tolist() == pytest.approx([10 / 11])


def test_what_many_items_have_counts_for_nothing() -> None:
    items = [["a", "b", own, "z"] for own in "pqrs"]
    sets = ngram_sets(as_words(items), SIZE, np.arange(4), common_from=3)
    assert (sets.weight == 0).sum() == 4
    assert sets.total.tolist() == pytest.approx([2 * log(1 + 4)] * 4)


def test_time_is_linear_in_one_phrase_over_and_over() -> None:
    """Every word is a seed, and all of them are one passage."""
    table = as_words([["a"] * 20_000])
    sets = ngram_sets(as_words([["a"] * 10]), SIZE, np.arange(1))
    places = np.arange(19_999)
    seeds = np.stack([np.zeros(19_999, np.int64), np.zeros(19_999, np.int64), places])
    got = grown(table, rolled(table, SIZE), sets, seeds, 11)
    assert (got.first_word.tolist(), got.last_word.tolist()) == ([0], [19_999])
