import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.core.draws import key
from midtrain_dagster.dataloader.packing import best_fit, cut, permutation


def naive_best_fit(descending: list[int], window: int) -> list[int]:
    rooms: list[int] = []
    touched: list[int] = []
    placed = []
    for moment, length in enumerate(descending):
        fits = [
            (room, -touched[number], number) for number, room in enumerate(rooms) if room >= length
        ]
        if not fits:
            rooms.append(window)
            touched.append(moment)
        number = min(fits)[2] if fits else len(rooms) - 1
        rooms[number] -= length
        touched[number] = moment
        placed.append(number)
    return placed


@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(1, 40))
def test_best_fit_is_best_fit(data: st.DataObject, window: int) -> None:
    lengths = data.draw(st.lists(st.integers(1, window), max_size=50))
    descending = sorted(lengths, reverse=True)
    placed = best_fit(np.array(descending, np.int64), window)
    assert placed.tolist() == naive_best_fit(descending, window)
    assert np.bincount(placed, descending).max(initial=0) <= window


def test_best_fit_golden() -> None:
    assert best_fit(np.array([8, 6, 5, 4, 3, 2, 2, 1]), 8).tolist() == [0, 1, 2, 3, 2, 1, 3, 3]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 12))
def test_cut_keeps_every_token_once(lengths: list[int], window: int) -> None:
    document, start, length = cut(np.array(lengths, np.int64), window)
    tokens = [
        (number, token)
        for number, first, count in zip(document, start, length, strict=True)
        for token in range(first, first + count)
    ]
    assert tokens == [(number, token) for number, n in enumerate(lengths) for token in range(n)]
    assert length.max(initial=0) <= window
    assert length.min(initial=1) >= 1
    assert (start % window == 0).all()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2000), st.integers(0, 2**64 - 1))
def test_permutations_are_bijections(length: int, seed: int) -> None:
    drawn = permutation(length, seed)
    assert np.array_equal(np.sort(drawn), np.arange(length))


def test_permutation_golden() -> None:
    assert permutation(10, key(7, "anneal", "web", 0)).tolist() == [8, 4, 7, 3, 1, 2, 9, 5, 6, 0]


def test_permutation_moves_everything_everywhere() -> None:
    # The mean place of each of 50 numbers over 400 keys: 24.5, standard error 14.4 / 20.
    places = np.mean([np.argsort(permutation(50, key("mean", n))) for n in range(400)], axis=0)
    assert np.abs(places - 24.5).max() < 5 * 14.43 / 20


def test_keys_tell_their_causes_apart() -> None:
    assert key("a", "bc") != key("ab", "c")
    assert key(1) != key("1")
