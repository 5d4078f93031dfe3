import numpy as np
import pytest

from midtrain_dagster.laws.mixing.least_squares import least_squares


def line(places: np.ndarray):
    def model(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        predicted = parameters[:, :1] + parameters[:, 1:] * places
        jacobian = np.stack([np.ones_like(predicted), np.broadcast_to(places, predicted.shape)], 2)
        return predicted, jacobian

    return model


def test_line_is_that_of_huber() -> None:
    """Against SciPy's Huber loss, with a point far away."""
    from scipy.optimize import least_squares as reference

    places = np.linspace(0, 1, 20)
    observed = 1 + 2 * places + np.random.default_rng(0).normal(0, 0.01, 20)
    observed[3] = 10
    found = least_squares(line(places), observed, np.array([[0.0, 0.0], [5.0, 5.0]]), delta=0.02)
    expected = reference(
        lambda p: p[0] + p[1] * places - observed, [1, 2], loss="huber", f_scale=0.02, xtol=1e-12
    )
    assert found.converged
    np.testing.assert_allclose(found.parameters, expected.x, atol=1e-4)


def test_start_that_overflows_is_never_the_best() -> None:
    places = np.linspace(0, 1, 5)

    def model(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        predicted = np.exp(parameters * places)
        return predicted, (predicted * places)[:, :, None]

    found = least_squares(model, np.exp(2 * places), np.array([[1e4], [1.0]]), delta=1.0)
    assert found.converged and found.parameters == pytest.approx([2.0])
    lost = least_squares(model, np.exp(2 * places), np.array([[1e4]]), delta=1.0)
    assert not lost.converged
