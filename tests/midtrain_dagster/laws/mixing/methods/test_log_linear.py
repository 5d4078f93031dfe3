import numpy as np
import pytest

from midtrain_dagster.laws.mixing.method import TooFewProxiesError
from midtrain_dagster.laws.mixing.methods.log_linear import Config, LogLinear
from tests.laws_at_hand import assert_derivatives, mixtures

LAW = Config(law="log_linear")
SLOPES = np.array([0.5, -2.0, 0.1])


def test_fit_finds_the_law_that_made_the_losses() -> None:
    shares = mixtures(30, 3)
    fitted = LAW.fit(shares, np.exp(0.4) + np.exp(shares @ SLOPES), own=1)
    assert fitted.converged and fitted.convex
    assert fitted.floor == pytest.approx(0.4, abs=1e-4)
    np.testing.assert_allclose(fitted.slopes, SLOPES, atol=1e-3)


def test_predict_is_the_published_formula() -> None:
    """y = exp(c) + exp(x . t), allenai/olmix."""
    fitted = LogLinear(0.5, np.array([1.0, -1.0]), True)
    assert fitted.predict(np.array([[0.25, 0.75]])) == pytest.approx(np.exp(0.5) + np.exp(-0.5))
    assert_derivatives(fitted, np.array([0.25, 0.75]))


def test_proxy_that_went_astray_does_not_bend_the_law() -> None:
    shares = mixtures(40, 3)
    losses = np.exp(0.4) + np.exp(shares @ SLOPES)
    losses[7] += 5
    np.testing.assert_allclose(LAW.fit(shares, losses).slopes, SLOPES, atol=0.02)


def test_fit_of_given_numbers_stays_as_it_is() -> None:
    """Golden: what changes it raises the VERSION."""
    shares = mixtures(12, 2)
    losses = 2 + np.sin(20 * shares[:, 0]) / 10 + shares[:, 1]
    fitted = LAW.fit(shares, losses, own=0, seed=1)
    assert fitted.predict(np.array([[0.5, 0.5], [0.1, 0.9]])) == pytest.approx(
        [2.41256, 2.89281], abs=1e-4
    )


def test_fewer_proxies_than_parameters_are_refused() -> None:
    with pytest.raises(TooFewProxiesError, match=r"3 proxies for 4 parameters.*at least 4"):
        LAW.fit(mixtures(3, 3), np.ones(3))
