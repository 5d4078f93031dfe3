import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.laws.decay.falls_kernel import falls_sum
from midtrain_dagster.laws.decay.rates import Rates
from tests.midtrain_dagster.laws.decay.synthetic import cosine, decayed, dropped


def loop(rates: Rates, point: int, c: float, beta: float, gamma: float) -> float:
    """The double sum as the paper writes it, over every step."""
    total, before = 0.0, 0.0
    for k in range(point):
        rate = rates.each[k]
        since = sum(rates.each[k:point])
        if before != rate:
            total += (before - rate) * (1 - (1 + c * rate**-gamma * since) ** -beta)
        before = rate
    return total


@settings(max_examples=40)
@given(
    st.lists(st.floats(0.01, 1.0), min_size=4, max_size=40),
    st.floats(0.01, 10),
    st.floats(0.1, 1.5),
    st.floats(0.1, 1.5),
)
def test_sum_is_that_of_the_loop(each, c, beta, gamma) -> None:
    rates = Rates(np.array(each))
    falls = rates.falls
    points = np.arange(1, len(each) + 1)
    sums = rates.sum_at(points.astype(float))
    found, _ = falls_sum(sums, falls.size, falls.rate, falls.begin, c, beta, gamma)
    assert found == pytest.approx([loop(rates, point, c, beta, gamma) for point in points])


@pytest.mark.parametrize("rates", [cosine(800), decayed(0.2, 800), dropped(800)])
def test_gathered_falls_are_nearly_those_of_every_step(rates) -> None:
    falls = rates.falls
    assert len(falls.size) <= 300
    sums = rates.sum_at(np.array([1000.0]))
    found, _ = falls_sum(sums, falls.size, falls.rate, falls.begin, 2.0, 0.58, 0.64)
    # 400 times this is of a loss of 3: less than a hundredth of a percent.
    assert found[0] == pytest.approx(loop(rates, 1000, 2.0, 0.58, 0.64), abs=1e-7)


def test_derivatives_are_those_of_differences() -> None:
    falls = cosine(500).falls
    sums = np.array([0.05, 0.1])
    at = np.log([2.0, 0.6, 0.5])
    _, slope = falls_sum(sums, falls.size, falls.rate, falls.begin, *np.exp(at))
    for place in range(3):
        step = np.zeros(3)
        step[place] = 1e-6
        up, _ = falls_sum(sums, falls.size, falls.rate, falls.begin, *np.exp(at + step))
        down, _ = falls_sum(sums, falls.size, falls.rate, falls.begin, *np.exp(at - step))
        assert slope[:, place] == pytest.approx((up - down) / 2e-6, rel=1e-4)
