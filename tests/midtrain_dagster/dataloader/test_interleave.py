import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.dataloader.interleave import assign


@st.composite
def shares(draw: st.DrawFn) -> np.ndarray:
    domains, steps = draw(st.integers(1, 8)), draw(st.integers(1, 40))
    # Whole numbers with many zeros: the ties and the sudden changes are what is hard.
    row = st.lists(st.sampled_from([0, 0, 1, 1, 2, 5, 30]), min_size=domains, max_size=domains)
    constant = draw(st.booleans())
    rows = (
        [draw(row.filter(any))] * steps
        if constant
        else draw(st.lists(row.filter(any), min_size=steps, max_size=steps))
    )
    raw = np.array(rows, float)
    return raw / raw.sum(axis=1, keepdims=True)


@settings(max_examples=150, deadline=None)
@given(shares(), st.integers(1, 7))
def test_no_domain_is_ever_a_window_off(shares: np.ndarray, windows_per_step: int) -> None:
    chosen, before = assign(shares, windows_per_step)
    domains = shares.shape[1]
    taken = np.cumsum(chosen[:, None] == np.arange(domains), axis=0)
    claimed = np.cumsum(np.repeat(shares, windows_per_step, axis=0), axis=0)
    bound = 1 - 1 / (2 * domains - 2) if domains > 1 else 0
    assert np.abs(taken - claimed).max() <= bound + 1e-9
    assert np.array_equal(before[1:], taken[windows_per_step - 1 :: windows_per_step])
    assert not before[0].any()


def test_golden() -> None:
    chosen, _ = assign(np.array([[0.5, 0.3, 0.2]] * 2), 5)
    assert chosen.tolist() == [0, 1, 0, 2, 0, 1, 0, 2, 1, 0]


def test_a_domain_without_share_gets_nothing() -> None:
    chosen, _ = assign(np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]), 4)
    assert chosen[:4].tolist() == [1] * 4
    assert chosen[-4:].tolist() == [0] * 4
