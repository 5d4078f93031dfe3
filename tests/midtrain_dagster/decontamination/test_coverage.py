import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.decontamination.coverage import covered, longest_runs
from midtrain_dagster.decontamination.ngram import match_ngrams

from .test_ngram import as_seeds, as_words

SENTENCES = st.lists(st.lists(st.sampled_from("abc"), max_size=14), min_size=1, max_size=3)
NGRAM = 3


def shared(document: list[str], item: list[str]) -> list[tuple[int, int]]:
    return [
        (place, position)
        for place in range(len(document) - NGRAM + 1)
        for position in range(len(item) - NGRAM + 1)
        if document[place : place + NGRAM] == item[position : position + NGRAM]
    ]


def longest(document: list[str], item: list[str]) -> int:
    best = 0
    for place in range(len(document)):
        for position in range(len(item)):
            length = 0
            pairs = zip(document[place:], item[position:], strict=False)
            for left, right in pairs:
                if left != right:
                    break
                length += 1
            best = max(best, length)
    return best


@settings(max_examples=80, deadline=None)
@given(SENTENCES, SENTENCES)
def test_coverage_is_its_definition(documents: list[list[str]], items: list[list[str]]) -> None:
    table, texts = as_words(*documents), as_words(*items)
    matches = match_ngrams(table, texts, as_seeds(texts, NGRAM, NGRAM))
    got, anywhere = covered(texts, matches)
    expected, runs = [], []
    everywhere: set[tuple[int, int]] = set()
    for d, document in enumerate(documents):
        for v, item in enumerate(items):
            pairs = shared(document, item)
            if not pairs:
                continue
            words = {q + step for _, q in pairs for step in range(NGRAM)}
            everywhere |= {(v, each) for each in words}
            places = [p for p, _ in pairs]
            span = min(places), max(places) + NGRAM - 1
            ngrams = len({q for _, q in pairs})
            expected.append((d, v, *span, ngrams, len(words), len(set(places))))
            runs.append(longest(document, item))
    starts = table.first[got.document]
    rows = zip(
        got.document, got.variant, got.first_word - starts, got.last_word - starts,
        got.ngrams, got.words, got.places, strict=True,
    )  # fmt: skip
    assert list(rows) == expected
    assert longest_runs(matches, got).tolist() == runs
    marked = [int(texts.first[v]) + each for v, each in everywhere]
    assert np.flatnonzero(anywhere).tolist() == sorted(marked)


def test_a_gap_parts_occurrences() -> None:
    item = list("abcd")
    document = [*item, *"xxxxx", *item]
    table, texts = as_words(document), as_words(item)
    matches = match_ngrams(table, texts, as_seeds(texts, NGRAM, NGRAM))
    whole, _ = covered(texts, matches)
    apart, _ = covered(texts, matches, gap=4)
    assert (whole.first_word.tolist(), whole.last_word.tolist()) == ([0], [12])
    assert (apart.first_word.tolist(), apart.last_word.tolist()) == ([0, 9], [3, 12])
