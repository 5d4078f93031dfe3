import numpy as np
import pytest

from midtrain_dagster.laws.mixing.methods.bimix import BiMix, Config
from tests.laws_at_hand import assert_derivatives, mixtures

LAW = Config(law="bimix")


def test_fit_predicts_what_a_power_law_made() -> None:
    """Also where shares are zero, which the published law does not know."""
    shares = mixtures(80, 3, spread=0.5)
    shares[:20, 2] = 0
    shares /= shares.sum(axis=1, keepdims=True)
    truth = BiMix(np.array([1.0, 1.5, 0.2]), np.array([0.3, 0.1, 0.2]), 0.01, True)
    fitted = LAW.fit(shares[:60], truth.predict(shares[:60]), own=0)
    assert fitted.convex and (fitted.factors > 0).all() and (fitted.exponents > 0).all()
    np.testing.assert_allclose(fitted.predict(shares[60:]), truth.predict(shares[60:]), rtol=0.01)


def test_predict_is_the_formula() -> None:
    fitted = BiMix(np.array([1.0, 2.0]), np.array([0.5, 0.1]), 0.1, True)
    expected = 1 * 0.35**-0.5 + 2 * 0.85**-0.1
    assert fitted.predict(np.array([[0.25, 0.75]])) == pytest.approx(expected)
    assert_derivatives(fitted, np.array([0.25, 0.75]))
