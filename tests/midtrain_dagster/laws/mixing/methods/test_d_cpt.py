import numpy as np
import pytest

from midtrain_dagster.laws.mixing.method import TooFewProxiesError
from midtrain_dagster.laws.mixing.methods.d_cpt import DCPT, Config
from midtrain_dagster.laws.mixing.ratio import UnidentifiedError, critical_ratio

LAW = Config(law="d_cpt")


def runs(tokens: list[float], sizes: list[float]) -> tuple[np.ndarray, ...]:
    ratios = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0]
    grid = np.meshgrid(ratios, tokens, sizes, indexing="ij")
    return tuple(each.ravel() for each in grid)


def truth(ratios: np.ndarray, tokens: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """E + A/N^a + B r^h/D^b + C/(r + e)^g, arXiv 2406.01375, equation 6."""
    by_size, data = 0.4 * (sizes / 1e8) ** -0.3, (tokens / 1e9) ** -0.4
    return 1.2 + by_size + 0.5 * ratios**0.4 * data + 0.3 * (ratios + 0.2) ** -0.5


def test_fit_extends_the_law_to_more_tokens() -> None:
    known = runs([1e9, 2e9, 4e9], [1e8, 5e8, 2e9])
    fitted = LAW.fit(*known, truth(*known))
    further = runs([8e9], [1e8, 2e9])
    assert fitted.converged
    np.testing.assert_allclose(fitted.predict(*further), truth(*further), rtol=3e-3)


def test_predict_is_the_published_formula() -> None:
    parameters = np.array([1.2, 0.4, 0.3, 0.5, 0.4, 0.4, 0.3, 0.2, 0.5])
    fitted = DCPT(parameters, 1e9, 1e8, None, None, True)
    inputs = runs([1e9, 3e9], [2e8])
    np.testing.assert_allclose(fitted.predict(*inputs), truth(*inputs), rtol=1e-5)


def test_what_no_run_varied_is_refused() -> None:
    known = runs([1e9], [1e8])
    fitted = LAW.fit(*known, truth(*known))
    np.testing.assert_allclose(fitted.predict(*known), truth(*known), rtol=5e-3)
    with pytest.raises(UnidentifiedError, match=r"all runs had 1,000,000,000 tokens"):
        fitted.predict(*runs([2e9], [1e8]))
    with pytest.raises(UnidentifiedError, match="parameters"):
        fitted.predict(*runs([1e9], [2e8]))


def test_too_few_runs_are_refused() -> None:
    few = tuple(each[:8] for each in runs([1e9, 2e9], [1e8, 5e8]))
    with pytest.raises(TooFewProxiesError, match="8 runs for 9 parameters"):
        LAW.fit(*few, truth(*few))


def test_critical_ratio_is_where_the_loss_meets_what_is_tolerated() -> None:
    fitted = DCPT(np.array([1, 1e-9, 1, 1, 1, 1, 1e-9, 1, 1]), 1.0, 1.0, None, None, True)
    assert critical_ratio(fitted, 1.0, 1.0, at_most=1.2505) == pytest.approx(0.25)
    assert critical_ratio(fitted, 1.0, 1.0, at_most=0.5) is None
