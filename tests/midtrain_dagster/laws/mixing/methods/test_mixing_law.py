import numpy as np
import pytest

from midtrain_dagster.laws.mixing.methods.mixing_law import Config, MixingLaw
from tests.laws_at_hand import assert_derivatives, mixtures

LAW = Config(law="mixing_law")
SLOPES = np.array([0.5, -2.0, 0.1])


@pytest.mark.parametrize("sign", [1, -1])
def test_fit_finds_the_law_and_its_sign(sign: int) -> None:
    shares = mixtures(40, 3)
    fitted = LAW.fit(shares, 3 + sign * np.exp(shares @ SLOPES))
    assert fitted.converged
    assert (fitted.sign, fitted.convex) == (sign, sign > 0)
    assert fitted.offset == pytest.approx(3, abs=1e-2)
    np.testing.assert_allclose(fitted.slopes, SLOPES, atol=1e-2)


@pytest.mark.parametrize("sign", [1, -1])
def test_predict_is_the_published_formula(sign: int) -> None:
    """c + k exp(sum t r), arXiv 2403.16952, equation 7, with k = exp(0.3) in both slopes."""
    slopes = np.array([1.0, -1.0])
    fitted = MixingLaw(2.0, sign, slopes + 0.3, True)
    expected = 2 + sign * np.exp(0.3) * np.exp(0.25 - 0.75)
    assert fitted.predict(np.array([[0.25, 0.75]])) == pytest.approx(expected)
    assert_derivatives(fitted, np.array([0.25, 0.75]))
