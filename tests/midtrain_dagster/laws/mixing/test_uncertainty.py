import numpy as np
import pytest

from midtrain_dagster.laws.mixing import uncertainty
from midtrain_dagster.laws.mixing.methods.log_linear import Config
from tests.laws_at_hand import mixtures

LAW = Config(law="log_linear")
AT = np.array([[0.2, 0.8], [0.5, 0.5]])


def spread(noise: float) -> float:
    shares = mixtures(40, 2)
    losses = 1 + np.exp(shares @ [0.3, -0.5]) + np.random.default_rng(1).normal(0, noise, 40)
    drawn = uncertainty.draws(40, 30, seed=0)
    return float(uncertainty.bootstrap(LAW, shares, losses, AT, drawn).std(axis=0).max())


def test_intervals_are_as_wide_as_the_noise() -> None:
    """The error of a mean of some 40 / 3 parameters: between noise / 7 and noise."""
    narrow, wide = spread(0.01), spread(0.1)
    assert 0.01 / 7 < narrow < 0.01 and 0.1 / 7 < wide < 0.1


def test_proxies_without_a_loss_are_in_no_resample() -> None:
    shares = mixtures(30, 2)
    losses = 1 + np.exp(shares @ [0.3, -0.5])
    losses[::3] = np.nan
    drawn = uncertainty.draws(30, 5, seed=0)
    found = uncertainty.bootstrap(LAW, shares, losses, AT, drawn)
    np.testing.assert_allclose(found, np.tile(1 + np.exp(AT @ [0.3, -0.5]), (5, 1)), atol=1e-3)


def test_interval_is_the_middle_of_the_values() -> None:
    assert uncertainty.interval(np.arange(101.0)) == pytest.approx((5, 95))


def test_differences_carry_the_error_on_held_out_proxies() -> None:
    moved = np.zeros(2000)
    found = uncertainty.differences(moved, np.array([-1.0, 1.0]), seed=0)
    assert set(found) == {-2.0, 0.0, 2.0}
    assert found.std() == pytest.approx(np.sqrt(2), rel=0.05)


def test_no_resample_is_without_a_group() -> None:
    groups = np.array([0, 1, 0, 2, 0, 1, 0])
    drawn = uncertainty.draws_within(groups, 20, seed=0)
    np.testing.assert_array_equal(groups[drawn], np.tile(groups, (20, 1)))
    assert len(np.unique(drawn, axis=0)) > 10
