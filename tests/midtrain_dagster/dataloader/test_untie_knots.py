from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.dataloader.batch import UNLABELLED, collate
from midtrain_dagster.dataloader.plan import Plan, Span, Window
from midtrain_dagster.dataloader.pool import Pool
from midtrain_dagster.dataloader.untie_knots import Knot, UntieKnots
from midtrain_dagster.mixture.weights import Mixture

ENDS, STARTS, PADDING = 777_777, 888_888, 999_999
KNOTS = ("<end>", "<start>")


def settings_of(knots: bool) -> st.SearchStrategy[UntieKnots]:
    said = st.sampled_from(
        [
            {"share": 1.0, "chunks": {3: 1.0}},
            {"share": 1.0, "chunks": {1: 0.3, 2: 0.4, 3: 0.3}},
            {"share": 0.5, "chunks": {2: 1.0}},
            {"share": 1.0, "chunk_tokens": 4},
        ]
    )
    return said.map(lambda each: UntieKnots(**each, knots=KNOTS if knots else None))


lengths_of_documents = st.lists(st.integers(1, 60), min_size=1, max_size=20)


def pool_of(lengths: list[int], window: int, packing: UntieKnots) -> Pool:
    documents = np.arange(len(lengths)) * 3 + 5
    return Pool(
        *("web", "all", documents, np.array(lengths)),
        window=window,
        packing=packing,
        seed=1,
        stage="extend",
    )


@settings(max_examples=120, deadline=None)
@given(lengths_of_documents, st.integers(8, 40), st.booleans().flatmap(settings_of))
def test_every_token_once_in_order_within_the_window_and_the_tail_last(
    lengths: list[int], window: int, packing: UntieKnots
) -> None:
    pool = pool_of(lengths, window, packing)
    seen: Counter[tuple[int, int]] = Counter()
    for ordinal in range(pool.windows, 2 * pool.windows):
        spans, knots = pool.window(ordinal)
        assert pool.window(ordinal) == (spans, knots)
        tokens = sum(span.stop - span.start for span in spans)
        added = sum(map(sum, knots)) if packing.knots else 0
        assert tokens + added <= window
        assert tokens <= window
        seen.update((span.document, token) for span in spans for token in range(*span[1:]))
        if not knots:
            assert packing.share < 1
            continue
        assert len(knots) == len(spans)
        # In the order of its text, each chunk goes on where the one before it ended.
        reached: dict[int, int] = {}
        for span, knot in zip(spans, knots, strict=True):
            assert span.start < span.stop
            if knot.continues:
                assert reached[span.document] == span.start
            reached[span.document] = span.stop
        goes_on = {span.document: knot.goes_on for span, knot in zip(spans, knots, strict=True)}
        assert not any(goes_on.values()), "the last chunk of each document goes on nowhere"
        assert not knots[-1].goes_on
    every = {(3 * n + 5, token) for n, length in enumerate(lengths) for token in range(length)}
    assert seen == Counter(every)


@settings(max_examples=40, deadline=None)
@given(lengths_of_documents, st.integers(8, 30), settings_of(True), st.integers(0, 40))
def test_occurrences_are_those_of_the_windows(
    lengths: list[int], window: int, packing: UntieKnots, before: int
) -> None:
    pool = pool_of(lengths, window, packing)
    rows = [(ordinal, *span) for ordinal in range(before) for span in pool.spans(ordinal)]
    assert pool.tokens_before(before) == sum(stop - start for _, _, start, stop in rows)
    for document in range(3 * len(lengths) + 8):
        expected = sorted((at, start, stop) for at, d, start, stop in rows if d == document)
        assert pool.occurrences(document, before) == expected


def test_chunks_are_equal_and_really_among_one_another() -> None:
    pool = pool_of([30] * 60, 96, UntieKnots(share=1.0))
    mixed = 0
    for ordinal in range(pool.windows):
        spans, _ = pool.window(ordinal)
        assert [span.stop - span.start for span in spans] == [10] * 9
        assert Counter(span.document for span in spans).most_common(1)[0][1] == 3
        mixed += [s.document for s in spans] != sorted(s.document for s in spans)
    assert mixed > pool.windows / 2


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_share_of_the_windows_is_tied(share: float) -> None:
    pool = pool_of([4] * 3000, 12, UntieKnots(share=share, chunks={2: 1.0}))
    tied = sum(bool(pool.window(ordinal)[1]) for ordinal in range(pool.windows))
    assert tied / pool.windows == pytest.approx(share, abs=0.05)


def test_a_tied_window_is_one_text_whose_knots_are_not_learnt(
    shards_of: Any, tmp_path: Path
) -> None:
    shards = shards_of(tmp_path, {"web": [4, 3]})
    spans = (Span(1, 0, 1), Span(0, 0, 2), Span(1, 1, 3), Span(0, 2, 4))
    knots = (Knot(False, True), Knot(False, True), Knot(True, False), Knot(True, False))
    windows = [Window("web", spans, knots), Window("web", (Span(0, 0, 4), Span(1, 0, 3)))]
    batch = collate(shards, windows, sequence_length=12, padding=PADDING, knots=(ENDS, STARTS))
    n, e, s, p = UNLABELLED, ENDS, STARTS, PADDING
    assert batch.input_ids.tolist() == [
        [4, e, 0, 1, e, s, 5, 6, s, 2, 3, p],
        [0, 1, 2, 3, 4, 5, 6, p, p, p, p, p],
    ]
    # As in the paper's code: neither a knot has a label nor the token behind one.
    assert batch.labels.tolist() == [
        [n, n, n, 1, n, n, n, 6, n, n, 3, n],
        [n, 1, 2, 3, n, 5, 6, n, n, n, n, n],
    ]
    assert batch.position_ids.tolist() == [
        [*range(11), 0],
        [0, 1, 2, 3, 0, 1, 2, 0, 0, 0, 0, 0],
    ]
    bare = collate(shards, windows[:1], sequence_length=7, padding=PADDING)
    assert bare.input_ids.tolist() == [[4, 0, 1, 5, 6, 2, 3]]
    assert bare.labels.tolist() == [[n, n, 1, n, 6, n, 3]]


@settings(max_examples=30, deadline=None)
@given(lengths_of_documents, settings_of(True), st.integers(1, 5))
def test_a_plan_of_tied_windows_fills_batches_and_is_found_again(
    shards_of: Any, lengths: list[int], packing: UntieKnots, steps: int
) -> None:
    with TemporaryDirectory() as folder:
        shards = shards_of(Path(folder), {"web": lengths}, 1)
        mixture = Mixture.model_validate({"domains": {"web": 1.0}, "max_epochs": 1e9})
        fields: dict[str, Any] = {"seed": 3, "stage": "e", "sequence_length": 16, "steps": steps}
        plan = Plan(shards, mixture, **fields, packing=packing, windows_per_step=3)
        again = Plan(shards, mixture, **fields, packing=packing, windows_per_step=3)
        for step in reversed(range(steps)):
            windows = [plan.window(step, slot) for slot in range(3)]
            assert windows == [again.window(step, slot) for slot in range(3)]
            batch = collate(
                plan, windows, sequence_length=16, padding=PADDING, knots=(ENDS, STARTS)
            )
            learnt = batch.labels[batch.labels != UNLABELLED]
            assert not np.isin(learnt, (ENDS, STARTS, PADDING)).any()
            added = sum(sum(map(sum, window.knots)) for window in windows)
            assert np.isin(batch.input_ids, (ENDS, STARTS)).sum() == added
            assert batch.labelled == sum(
                span.stop - span.start - 1 for window in windows for span in window.spans
            )


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"chunks": {1: 1.0}}, "no document would be cut"),
        ({"chunks": {2: 0.5}}, "must sum to 1"),
        ({"chunks": {2: 1.0}, "chunk_tokens": 9}, "say one"),
        ({"share": 0}, "greater than 0"),
        ({"knots": ["a"]}, "knots"),
    ],
)
def test_settings_that_tie_nothing(section: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        UntieKnots.model_validate(section)


def test_knots_are_tokens_of_the_vocabulary() -> None:
    packing = UntieKnots(knots=KNOTS)
    assert packing.ids({"<end>": 4, "<start>": 9}) == (4, 9)
    assert UntieKnots().ids({}) is None
    with pytest.raises(ValueError, match="'<start>' is no token"):
        packing.ids({"<end>": 4})


def test_no_window_is_too_short_for_a_token_without_knots() -> None:
    packing = UntieKnots(knots=KNOTS, chunk_tokens=1)
    assert [packing.longest(window) for window in (1, 2, 3, 4, 7)] == [1, 1, 1, 2, 3]
    assert UntieKnots(knots=KNOTS).longest(100) == 96
    assert UntieKnots().longest(100) == 100
