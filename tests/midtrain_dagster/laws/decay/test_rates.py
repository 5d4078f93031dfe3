import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.laws.decay.rates import Rates, same_schedule, schedules, warmup_of
from tests.midtrain_dagster.laws.decay.synthetic import constant, cosine, decayed

each = st.lists(st.floats(0.0, 1.0), min_size=3, max_size=80).filter(lambda rates: max(rates) > 0)


@given(each, st.integers(0, 5))
def test_sums_and_momentum_are_those_of_a_loop(given_rates, warmup) -> None:
    rates = Rates(np.array(given_rates), min(warmup, len(given_rates) - 1))
    momentum = total = first = 0.0
    sums = [0.0]
    for step, rate in enumerate(given_rates):
        first += rate
        fall = given_rates[step - 1] - rate if step > rates.warmup else 0.0
        momentum = 0.9 * momentum + fall
        total += momentum
        sums.append(total)
    points = np.arange(len(given_rates) + 1, dtype=float)
    assert rates.momentum_at(points, 0.9) == pytest.approx(sums)
    assert rates.sum_at(points)[-1] == pytest.approx(first)


@given(each)
def test_falls_add_up_to_how_far_the_rate_went(given_rates) -> None:
    rates = Rates(np.array(given_rates))
    assert rates.falls.size.sum() == pytest.approx(-given_rates[-1], abs=1e-9)


def test_runs_that_begin_alike_are_one_schedule() -> None:
    assert same_schedule(constant(1000), constant(3000))
    assert not same_schedule(constant(1000), cosine(1000))
    assert schedules([constant(1000), constant(3000), decayed(0.2, 3000)]) == 2
    assert schedules([decayed(0.2, 3000), constant(2000)]) == 1


def test_warmup_ends_where_the_rate_no_longer_rises() -> None:
    assert warmup_of(np.array([1.0, 2.0, 3.0, 3.0, 2.0])) == 2
    assert warmup_of(np.array([3.0, 3.0, 4.0])) == 0
