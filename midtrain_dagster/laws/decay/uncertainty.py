"""How certain a fitted law is: a bootstrap over runs, and inside them where they are few.

Bayesian bootstrap (Rubin 1981, *The Bayesian Bootstrap*, Annals of Statistics 9): in each draw
every run has an exponential weight in place of being drawn or not, so that no draw is without the
one run that decays. With fewer than ``FEW`` runs their weights alone are too few numbers to be
varied: each block of a run's points (``BLOCKS`` to a run, since points beside one another err
alike) then has a weight of its own in addition. Priors are drawn about anew in each draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from midtrain_dagster.laws.decay.fit import FLOOR, Data, Fit, fit, predict
from midtrain_dagster.laws.decay.rates import Floats, Rates

DRAWS = 100

FEW = 8
"""Runs below which the points inside them are weighed too."""

BLOCKS = 12

LEVEL = 0.9
"""The share of draws that an interval holds."""

SEED = 20250318

BOTH = "runs, and blocks of points inside them (there are few runs)"
RUNS = "runs"


@dataclass(frozen=True)
class Interval:
    """A value and what holds it in ``LEVEL`` of the draws."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Draws:
    """The parameters of a law, refitted to draws."""

    theta: Floats
    """A row a draw."""
    over: str
    """What was drawn, in words."""


def draws(data: Data, fitted: Fit, count: int = DRAWS, seed: int = SEED) -> Draws:
    """Refit the law ``count`` times, each from the minimum that was found."""
    generator = np.random.default_rng(seed)
    few = len(data.curves) < FEW
    rows = [
        fit(
            data.with_priors(data.priors.drawn(generator)),
            _weights(data, generator, blocks=few),
            fitted.theta,
        ).theta
        for _ in range(count)
    ]
    return Draws(np.array(rows), BOTH if few else RUNS)


def _weights(data: Data, generator: np.random.Generator, *, blocks: bool) -> Floats:
    """A weight for each point; they sum to the number of points."""
    parts = []
    for curve in data.curves:
        run = generator.exponential()
        count = len(curve.points)
        if blocks:
            inside = generator.exponential(size=min(BLOCKS, count))
            parts.append(run * inside[np.arange(count) * len(inside) // count])
        else:
            parts.append(np.full(count, run))
    weights = np.concatenate(parts)
    return weights * len(weights) / weights.sum()


def interval(value: float, others: Floats) -> Interval:
    """An interval from draws: from the one quantile to the other, and never without the value."""
    # A draw may be infinite, between which and a number there is nothing.
    low = np.quantile(others, (1 - LEVEL) / 2, method="lower")
    high = np.quantile(others, (1 + LEVEL) / 2, method="higher")
    return Interval(value, min(value, float(low)), max(value, float(high)))


def with_error(losses: Floats, errors: Sequence[float]) -> Floats:
    """Losses of draws, each moved by an error such as the law makes on a run that it was not fitted
    to: what the law itself misses, no refit shows.

    ``errors`` are relative, a run each; there are few, so what is drawn is of Student's
    distribution with as many degrees of freedom, of their scale, but of ``FLOOR`` at least. A row
    of losses is one draw's, of decays of several lengths, say, and has one error: a law that is
    wrong on a run is wrong on it as a whole.
    """
    generator = np.random.default_rng(SEED)
    scale = max(FLOOR, float(np.sqrt(np.mean(np.square(errors)))) if len(errors) else 0.0)
    rows = (len(losses),) + (1,) * (losses.ndim - 1)
    moved = 1 + scale * generator.standard_t(max(1, len(errors)), size=rows)
    return losses * np.maximum(moved, 0.0)


def band(
    fitted: Fit, drawn: Draws, rates: Rates, points: Floats, parameters: int | None
) -> tuple[Floats, Floats, Floats]:
    """The law's curve over points of a run, and its lower and upper bound."""
    middle = predict(fitted.model, fitted.theta, rates, points, parameters)
    every = predict(fitted.model, drawn.theta, rates, points, parameters)
    low, high = np.quantile(every, ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=0)
    return middle, np.minimum(low, middle), np.maximum(high, middle)
