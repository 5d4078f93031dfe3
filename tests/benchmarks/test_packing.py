"""The packings that ours is compared with, against naive versions of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.packing import METHODS, Figures, figures, first_fit, greedy, table

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=30).map(np.array)


@settings(max_examples=50, deadline=None)
@given(LENGTHS, st.integers(2, 20))
def test_every_packing_holds_every_token_once_and_fits(lengths: np.ndarray, window: int) -> None:
    for pack in METHODS.values():
        document, start, length, window_of = pack(lengths, window)
        tokens = [
            (d, token)
            for d, first, count in zip(document, start, length, strict=True)
            for token in range(first, first + count)
        ]
        assert sorted(tokens) == [(d, t) for d, count in enumerate(lengths) for t in range(count)]
        filled = np.bincount(window_of, length)
        assert filled.max() <= window
        assert filled.min() > 0


@settings(max_examples=50, deadline=None)
@given(LENGTHS, st.integers(2, 20))
def test_first_fit_is_the_first_window_with_room(lengths: np.ndarray, window: int) -> None:
    packing = first_fit(lengths, window)
    room: list[int] = []
    for length, placed in zip(packing.length, packing.window_of, strict=True):
        fitting = [number for number, left in enumerate(room) if left >= length]
        if not fitting:
            room.append(window)
        assert placed == (fitting[0] if fitting else len(room) - 1)
        room[placed] -= length


@settings(max_examples=50, deadline=None)
@given(LENGTHS, st.integers(2, 20))
def test_greedy_cuts_where_a_window_ends(lengths: np.ndarray, window: int) -> None:
    packing = greedy(lengths, window)
    stream = np.repeat(np.arange(len(lengths)), lengths)
    document = np.repeat(packing.document, packing.length)
    assert np.array_equal(document, stream)
    assert np.array_equal(
        np.repeat(packing.window_of, packing.length), np.arange(len(stream)) // window
    )


def test_figures_of_a_packing_by_hand() -> None:
    # Windows of 4: greedy makes aaab bbcc cccc|c; the best are aaa, bbb and cccc, c.
    lengths = np.array([3, 3, 7])
    assert figures(greedy(lengths, 4), lengths, 4) == pytest.approx(
        Figures(4, 13 / 16, 2 / 3, 1 / 3, (2 + 5) / 13, 2 / 13)
    )
    best = Figures(4, 13 / 16, 1 / 3, 0.0, 3 / 13, 0.0)
    assert figures(METHODS["best-fit decreasing (ours)"](lengths, 4), lengths, 4) == best
    found = {4: {"best": (best, 0.1)}}
    assert "| 4 | best | 4 | 81.25% | 18.75% | 33.3% | 0.0% | 23.1% | 0.0% |" in table(
        found, lengths
    )
