"""Fitting a law to curves: Huber's loss from many starts.

The objective is the papers' (Huber's loss, δ = 1e-3, on log L or on L). They minimise it with
L-BFGS from a grid; here a trust-region method does (SciPy's ``least_squares``), from the best of a
grid as well: with analytic derivatives it comes to the same minimum of these ill-conditioned sums
in some ten steps, so that intervals from hundreds of fits take seconds. A grid is of the exponents
alone: the factors that go with them best are a linear problem with bounds, solved exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.laws.decay.curve import Curve
from midtrain_dagster.laws.decay.method import Model
from midtrain_dagster.laws.decay.rates import Floats, Rates

DELTA = 1e-3
"""Where Huber's loss turns from squares to absolute values, in units of log L (or of L)."""

FLOOR = 1e-3
"""The relative error that the best of these laws has on other people's curves: the multi-power
law's published means are 0.11 to 0.17 %. No fit of one's own is believed to be truer."""

INDEPENDENT = 6
"""How many independent values the points of one run are worth. What a law misses it misses for a
while, so points beside one another say the same; this many weigh as much as a prior's one."""

STARTS = 6
"""How many of the grid's points are fitted from."""

SMALLEST = 1e-12
"""A factor of 0, as a logarithm can have it."""

FARTHEST = 40.0
"""How far the logarithm of a factor may be from 0."""


class Effort(NamedTuple):
    """When a fit ends."""

    tolerance: float
    """What a step changes at least, as a share."""
    steps: int


ROUGH, USUAL, FINE = Effort(1e-4, 30), Effort(1e-6, 100), Effort(1e-9, 300)
"""Of starts that are compared; of fits from a minimum that is known; of the one that counts."""


@dataclass(frozen=True)
class Priors:
    """The model's priors, as residuals beside those of the points."""

    places: NDArray[np.int64]
    """Where the parameters stand that have one."""
    centres: Floats
    """Logarithms."""
    spreads: Floats
    weights: Floats

    @classmethod
    def of(cls, model: Model, points: int, runs: int) -> "Priors":
        """As they weigh beside so many points of so many runs."""
        known = names(model)
        each = model.priors
        weight = DELTA * np.sqrt(points / (INDEPENDENT * runs))
        return cls(
            np.array([known.index(name) for name in each], np.int64),
            np.log([prior.centre for prior in each.values()]),
            spreads := np.array([prior.spread for prior in each.values()]),
            weight / spreads,
        )

    def residuals(self, theta: Floats) -> Floats:
        """How far the parameters are from their priors' centres."""
        return self.weights * (theta[self.places] - self.centres)

    def jacobian(self, parameters: int) -> Floats:
        """Their derivatives."""
        rows = np.zeros((len(self.places), parameters))
        rows[np.arange(len(self.places)), self.places] = self.weights
        return rows

    def drawn(self, generator: np.random.Generator) -> "Priors":
        """The same about centres that are drawn from them: for a draw of a bootstrap, in which the
        prior is to be as uncertain as it says."""
        return replace(self, centres=generator.normal(self.centres, self.spreads))


@dataclass(frozen=True)
class Data:
    """The points of all curves, as a model reads them."""

    model: Model
    curves: tuple[Curve, ...]
    features: tuple[Any, ...]
    losses: Floats
    priors: Priors

    @classmethod
    def of(cls, model: Model, curves: Sequence[Curve]) -> "Data":
        """Read the curves."""
        features = [model.features(curve.rates, curve.points, curve.parameters) for curve in curves]
        losses = np.concatenate([curve.losses for curve in curves])
        priors = Priors.of(model, len(losses), len(curves))
        return cls(model, tuple(curves), tuple(features), losses, priors)

    def with_priors(self, priors: Priors) -> "Data":
        """The same points, about other priors."""
        return replace(self, priors=priors)

    def terms(self, exponents: Floats) -> tuple[Floats, Floats]:
        """The terms of all points."""
        values, slopes = zip(
            *(self.model.terms(exponents, each) for each in self.features), strict=True
        )
        return np.concatenate(values), np.concatenate(slopes)

    def residuals(self, theta: Floats) -> tuple[Floats, Floats]:
        """By how much the law is above each loss, and the derivatives by the parameters'
        logarithms."""
        values, slopes = self.terms(np.exp(theta[len(self.model.factors) :]))
        factors = np.exp(theta[: len(self.model.factors)])
        predicted = values @ factors
        jacobian = np.hstack((values * factors, np.einsum("pfe,f->pe", slopes, factors)))
        if self.model.scale == "plain":
            return predicted - self.losses, jacobian
        # A law that a wild start makes negative has no logarithm.
        predicted = np.maximum(predicted, SMALLEST)
        return np.log(predicted / self.losses), jacobian / predicted[:, None]


@dataclass(frozen=True)
class Fit:
    """A law's parameters."""

    model: Model
    theta: Floats
    """The logarithms of all parameters, factors first."""
    cost: float
    """Huber's loss, summed over the points with their weights."""
    converged: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return names(self.model)

    @property
    def values(self) -> dict[str, float]:
        """The parameters by name."""
        return dict(zip(self.names, np.exp(self.theta).tolist(), strict=True))


def names(model: Model) -> tuple[str, ...]:
    """The names of all parameters of a model, in the order in which they are fitted."""
    return (*model.factors, *model.exponents)


def predict(
    model: Model, theta: Floats, rates: Rates, points: Floats, parameters: int | None = None
) -> Floats:
    """The loss at points of a run, for each row of ``theta``: (points,) or (rows, points)."""
    features = model.features(rates, points, parameters)
    count = len(model.factors)
    several = np.atleast_2d(theta)
    losses = np.stack(
        [model.terms(np.exp(each[count:]), features)[0] @ np.exp(each[:count]) for each in several]
    )
    return losses if theta.ndim == 2 else losses[0]


def fit(data: Data, weights: Floats | None = None, start: Floats | None = None) -> Fit:
    """The best fit; ``weights`` (points,) count points otherwise than once. With ``start`` (the
    logarithms of the parameters) it is the minimum that is found from there."""
    if start is not None:
        return _from(data, start, weights, frozenset(), USUAL)
    fits = [_from(data, each, weights, frozenset(), ROUGH) for each in _starts(data)]
    best = min(fits, key=lambda each: each.cost)
    return _from(data, best.theta, weights, frozenset(), FINE)


def fit_with(data: Data, fixed: dict[str, float], start: Floats) -> Fit:
    """The best fit from ``start`` with some parameters fixed at the values given (all positive)."""
    known = names(data.model)
    theta = start.copy()
    for name, value in fixed.items():
        theta[known.index(name)] = np.log(max(value, SMALLEST))
    return _from(data, theta, None, frozenset(known.index(name) for name in fixed), USUAL)


def _starts(data: Data) -> list[Floats]:
    """The best points of the model's grid, each with the factors that go with it best."""
    from scipy.optimize import nnls

    found = []
    for exponents in data.model.guesses(data.curves):
        values, _ = data.terms(exponents)
        # Relative errors, so that no run of large losses rules.
        factors, _ = nnls(values / data.losses[:, None], np.ones(len(data.losses)))
        theta = np.log(np.concatenate((np.maximum(factors, SMALLEST), exponents)))
        found.append((float(_huber(data.residuals(theta)[0]).sum()), theta))
    found.sort(key=lambda each: each[0])
    return [theta for _, theta in found[:STARTS]]


def _huber(residuals: Floats) -> Floats:
    """Huber's loss of each residual, in units of half of δ²."""
    z = np.abs(residuals) / DELTA
    return np.where(z <= 1, z**2, 2 * z - 1)


def _from(
    data: Data, start: Floats, weights: Floats | None, fixed: frozenset[int], effort: Effort
) -> Fit:
    from scipy.optimize import least_squares

    free = np.array([i for i in range(len(start)) if i not in fixed])
    points = len(data.losses)
    weight = np.ones(points) if weights is None else weights
    weight = np.concatenate((weight, np.ones(len(data.priors.places))))

    def complete(part: Floats) -> Floats:
        theta = start.copy()
        theta[free] = part
        return theta

    def residuals(part: Floats) -> Floats:
        theta = complete(part)
        return np.concatenate((data.residuals(theta)[0], data.priors.residuals(theta)))

    def jacobian(part: Floats) -> Floats:
        theta = complete(part)
        return np.vstack((data.residuals(theta)[1], data.priors.jacobian(len(theta))))[:, free]

    def loss(z: Floats) -> Floats:
        root = np.sqrt(np.maximum(z, 1.0))
        inside = z <= 1
        inside[points:] = True
        return weight * np.stack(
            (
                np.where(inside, z, 2 * root - 1),
                np.where(inside, 1.0, 1 / root),
                np.where(inside, 0.0, -0.5 / root**3),
            )
        )

    limits = np.array([FARTHEST] * len(data.model.factors) + list(data.model.farthest))[free]
    found = least_squares(
        residuals,
        np.clip(start[free], -0.99 * limits, 0.99 * limits),
        jac=jacobian,
        bounds=(-limits, limits),
        loss=loss,
        f_scale=DELTA,
        x_scale="jac",
        max_nfev=effort.steps,
        xtol=effort.tolerance,
        ftol=effort.tolerance,
        gtol=1e-12,
    )
    return Fit(data.model, complete(found.x), float(found.cost), bool(found.success))
