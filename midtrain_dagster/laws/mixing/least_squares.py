"""Least squares with Huber's loss, from many starts at once: what every law with a formula is
fitted by.

Levenberg and Marquardt's steps, all starts as one batch of small linear systems (NumPy, no loop
over starts or proxies), weights by Huber (1964): a residual beyond ``delta`` counts linearly, so a
proxy that went astray does not bend the law. The starts run for a while, the best of them to the
end. It is a local method: several starts, not a proof, are what speaks for the minimum.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from midtrain_dagster.laws.mixing.method import Array

VERSION = 1

Model = Callable[[Array], tuple[Array, Array]]
"""From parameters (starts, p) to predictions (starts, n) and their Jacobian (starts, n, p)."""

_SCOUTED = 8
"""Steps that every start gets."""
_FINALISTS = 3
_STEPS = 500
_FLAT = 1e-8
"""A relative gain of a step below which a fit has come to its end."""
_DAMPING = (1e-3, 1e-12, 1e12)
"""At the beginning, and its bounds."""


@dataclass(frozen=True)
class Solution:
    """The best of all starts."""

    parameters: Array
    cost: float
    """The mean of Huber's loss."""
    converged: bool
    """Whether it ended because nothing was to be gained, rather than with the last step."""


def least_squares(model: Model, observed: Array, starts: Array, *, delta: float) -> Solution:
    """The parameters with the least mean of Huber's loss of ``model - observed``.

    ``observed`` is (n,), ``starts`` (starts, p); ``delta`` is in the unit of ``observed``. A start
    whose predictions overflow is never the best; if all do, the solution has not converged.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        scouted, costs, _ = _descend(model, observed, starts, delta, _SCOUTED)
        best = np.argsort(costs, kind="stable")[:_FINALISTS]
        ended, costs, flat = _descend(model, observed, scouted[best], delta, _STEPS)
    first = int(np.argmin(costs))
    converged = bool(flat[first] and np.isfinite(costs[first]))
    return Solution(ended[first], float(costs[first]), converged)


def _descend(
    model: Model, observed: Array, starts: Array, delta: float, steps: int
) -> tuple[Array, Array, np.ndarray]:
    """Each start after so many steps at most: parameters, costs, and which are at their end."""
    current = starts.copy()
    predicted, jacobian = model(current)
    costs = _huber(predicted - observed, delta)
    damping = np.full(len(starts), _DAMPING[0])
    flat = np.zeros(len(starts), bool)
    for _ in range(steps):
        open_ = np.flatnonzero(~flat & np.isfinite(costs))
        if not open_.size:
            break
        step = _step(predicted[open_] - observed, jacobian[open_], damping[open_], delta)
        tried = current[open_] + step
        new_predicted, new_jacobian = model(tried)
        new_costs = _huber(new_predicted - observed, delta)
        better = new_costs < costs[open_]
        gain = (costs[open_] - new_costs) / np.maximum(costs[open_], np.finfo(float).tiny)
        taken = open_[better]
        current[taken], costs[taken] = tried[better], new_costs[better]
        predicted[taken], jacobian[taken] = new_predicted[better], new_jacobian[better]
        damping[open_] = np.clip(damping[open_] * np.where(better, 0.3, 5.0), *_DAMPING[1:])
        # Flat is where a good step gains nothing, or where the shortest step is no good.
        flat[open_] = (better & (gain < _FLAT)) | (~better & (damping[open_] >= _DAMPING[2]))
        flat[open_] |= costs[open_] <= np.finfo(float).eps ** 2
    return current, costs, flat


def _step(residuals: Array, jacobian: Array, damping: Array, delta: float) -> Array:
    """Levenberg and Marquardt's step of each start, with Huber's weights."""
    weights = np.minimum(1.0, delta / np.maximum(np.abs(residuals), 1e-300))
    weighted = jacobian * weights[:, :, None]
    normal = np.swapaxes(weighted, 1, 2) @ jacobian
    slope = np.einsum("snp,sn->sp", weighted, residuals)
    diagonal = np.einsum("spp->sp", normal)
    scale = diagonal + 1e-9 * diagonal.max(axis=1, keepdims=True) + 1e-12
    normal = normal + np.eye(normal.shape[1]) * (damping[:, None] * scale)[:, None, :]
    return -np.linalg.solve(normal, slope[:, :, None])[:, :, 0]


def _huber(residuals: Array, delta: float) -> Array:
    """The mean of Huber's loss of each start (starts, n); infinite where one is no number."""
    size = np.abs(residuals)
    loss = np.where(size <= delta, 0.5 * residuals**2, delta * (size - 0.5 * delta))
    mean = loss.mean(axis=1)
    return np.where(np.isfinite(mean), mean, np.inf)
