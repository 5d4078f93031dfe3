"""Mixtures whose losses follow a known law, for the tests of laws."""

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.laws.mixing.method import Smooth

Array = NDArray[np.float64]


def mixtures(count: int, domains: int, seed: int = 0, spread: float = 1.0) -> Array:
    return np.random.default_rng(seed).dirichlet(np.full(domains, spread), count)


def numeric_gradient(fitted: Smooth, mixture: Array) -> Array:
    step = 1e-6 * np.eye(len(mixture))
    return (fitted.predict(mixture + step) - fitted.predict(mixture - step)) / 2e-6


def numeric_hessian(fitted: Smooth, mixture: Array) -> Array:
    step = 1e-6 * np.eye(len(mixture))
    rows = [fitted.gradient(mixture + each) - fitted.gradient(mixture - each) for each in step]
    return np.array(rows) / 2e-6


def assert_derivatives(fitted: Smooth, mixture: Array) -> None:
    """The derivatives are those of ``predict``."""
    np.testing.assert_allclose(
        fitted.gradient(mixture), numeric_gradient(fitted, mixture), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(
        fitted.hessian(mixture), numeric_hessian(fitted, mixture), rtol=1e-4, atol=1e-5
    )
