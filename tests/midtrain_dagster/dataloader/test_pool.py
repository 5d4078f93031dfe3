from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.dataloader.pool import Pool, Span

lengths_of_documents = st.lists(st.integers(1, 40), min_size=1, max_size=25)


def pool_of(lengths: list[int], window: int, **fields: Any) -> Pool:
    documents = np.arange(len(lengths)) * 3 + 5
    causes = {"kind": "all", "seed": 1, "stage": "anneal"} | fields
    kind = causes.pop("kind")
    return Pool("web", kind, documents, np.array(lengths), window=window, **causes)


@settings(max_examples=80, deadline=None)
@given(
    lengths_of_documents,
    st.integers(2, 16),
    st.integers(0, 3),
    st.sampled_from(["best_fit", "one_document"]),
)
def test_an_epoch_is_every_token_once(
    lengths: list[int], window: int, epoch: int, packing: str
) -> None:
    pool = pool_of(lengths, window, packing=packing)
    seen: Counter[tuple[int, int]] = Counter()
    for place in range(pool.windows):
        spans = pool.spans(epoch * pool.windows + place)
        assert sum(span.stop - span.start for span in spans) <= window
        assert len(spans) == 1 or packing == "best_fit"
        seen.update((span.document, token) for span in spans for token in range(*span[1:]))
    every = {(3 * n + 5, token) for n, length in enumerate(lengths) for token in range(length)}
    assert seen == Counter(every)


@settings(max_examples=50, deadline=None)
@given(lengths_of_documents, st.integers(2, 16), st.integers(0, 60))
def test_counts_and_occurrences_are_those_of_the_windows(
    lengths: list[int], window: int, before: int
) -> None:
    pool = pool_of(lengths, window)
    rows = [(ordinal, *span) for ordinal in range(before) for span in pool.spans(ordinal)]
    assert pool.tokens_before(before) == sum(stop - start for _, _, start, stop in rows)
    for document in range(3 * len(lengths) + 8):
        expected = sorted((at, start, stop) for at, d, start, stop in rows if d == document)
        assert pool.occurrences(document, before) == expected


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_random_access(random: object) -> None:
    pool = pool_of([3, 7, 12, 1, 5, 5, 9], 8)
    forward = [pool.spans(ordinal) for ordinal in range(30)]
    order = list(range(30))
    random.shuffle(order)  # type: ignore[attr-defined]
    fresh = pool_of([3, 7, 12, 1, 5, 5, 9], 8)
    assert {ordinal: fresh.spans(ordinal) for ordinal in order} == dict(enumerate(forward))


def test_epochs_seeds_and_kinds_differ_in_order() -> None:
    lengths = [8] * 50
    first = [pool_of(lengths, 8).spans(place) for place in range(100)]
    assert first[:50] != first[50:]
    assert sorted(first[:50]) == sorted(first[50:])
    assert [pool_of(lengths, 8, seed=2).spans(place) for place in range(50)] != first[:50]
    assert [pool_of(lengths, 8, kind="long").spans(place) for place in range(50)] != first[:50]


def test_pieces_of_a_long_document() -> None:
    pool = pool_of([20], 8)
    spans = sorted(span for place in range(pool.windows) for span in pool.spans(place))
    assert spans == [Span(5, 0, 8), Span(5, 8, 16), Span(5, 16, 20)]
    assert (pool.windows, pool.tokens) == (3, 20)
