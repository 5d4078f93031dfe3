"""The forward-momentum law: ``L = L₀ + A·S^-alpha + B·N^-beta - C·M``, with the size N of the
model.

Source: the reference implementation of the FM law (github.com/siqi-wang25/fm-annealing). Over rows
of a log that lie ``interval`` steps apart: ``Δ`` is how far the rate fell since the row before,
times the interval; ``m = 0.9m + 0.1Δ`` and ``v = 0.999v + 0.001Δ²`` are corrected for their
beginning as Adam's moments are; ``M += m / (√(10⁵v + 1e-8) + 1e-8)``. Fitted to L itself by Huber's
loss with δ = 1e-3. Here S is the sum of rates and N counts millions; the parameters are positive
and not bounded otherwise, since which bounds bind depends on the units. beta has a prior about
Chinchilla's 0.34 (Hoffmann et al. 2022, arXiv 2203.15556), since two sizes alone do not tell it
from L₀ and B.

The trade-off: several sizes in one fit. But Adam's division makes M a count of the rows that fell,
nearly whatever they fell by: schedules that differ in depth alone look alike to it. So ``momentum:
annealing`` puts the annealing law's ``S₂`` in its place; docs/decay-laws.md compares the two.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.laws.decay.curve import Curve, LogError, sizes
from midtrain_dagster.laws.decay.method import Prior, Scale
from midtrain_dagster.laws.decay.rates import Floats, Rates

VERSION = 1

FIRST, SECOND, SCALE, EPSILON = 0.9, 0.999, 1e5, 1e-8

ROWS = 512
"""In how many rows the longest run is read, where the recipe does not say."""

MILLION = 1e6

ANNEALING = 0.999
"""The annealing law's λ."""


class Config(FrozenModel):
    """The sum of rates, an Adam-like momentum of their falls, and the model's size (FM law)."""

    law: Literal["forward_momentum"]
    interval: int | None = Field(
        default=None,
        ge=1,
        description="Steps between the rows that the momentum runs over; null: the longest run "
        "has 512 rows",
    )

    momentum: Literal["adam", "annealing"] = Field(
        default="adam",
        description="Whether falls are divided as Adam divides gradients, as in the reference, or "
        "summed as the annealing law sums them",
    )

    def model(self, curves: Sequence[Curve]) -> "ForwardMomentum":
        """As ``laws.decay.method`` says. Raises ``LogError`` where some sizes are not known."""
        known = sizes(curves)
        unknown = [curve.name for curve in curves if curve.parameters is None]
        if known and unknown:
            raise LogError(f"the size of the model is not known of {', '.join(unknown)}")
        longest = max(curve.rates.steps for curve in curves)
        interval = self.interval or max(1, longest // ROWS)
        return ForwardMomentum(
            None if self.momentum == "annealing" else interval, sized=len(known) > 1
        )


class ForwardMomentum:
    """The law (``laws.decay.method.Model``); with one size, its term stands in ``L0``."""

    scale: Scale = "plain"

    decisive = "C"
    inside = ()

    def __init__(self, interval: int | None, *, sized: bool) -> None:
        """``interval`` is that of the rows of M; None: ``S₂`` is in its place."""
        self.interval, self.sized, self.deep = interval, sized, interval is None
        self.priors = {"beta": Prior(0.34, 0.5)} if sized else {}
        self.factors = ("L0", "A", "C", "B") if sized else ("L0", "A", "C")
        self.exponents = ("alpha", "beta") if sized else ("alpha",)
        self.farthest = (3.0,) * len(self.exponents)

    def features(self, rates: Rates, points: Floats, parameters: int | None) -> Any:
        """``S`` and ``M`` (or ``S₂``) at points, and ``N`` in millions."""
        size = (parameters or MILLION) / MILLION
        if self.interval is None:
            return rates.sum_at(points), rates.momentum_at(points, ANNEALING), size
        rows = np.arange(rates.warmup, rates.steps, self.interval)
        summed = momentum_sum(-np.diff(rates.each[rows]) * self.interval)
        momentum = np.interp(points, rows, np.concatenate(([0.0], summed)))
        return rates.sum_at(points), momentum, size

    def terms(self, exponents: Floats, features: Any) -> tuple[Floats, Floats]:
        """``1``, ``S^-alpha``, ``-M``, and of several sizes ``N^-beta``."""
        total, momentum, size = features
        alpha = exponents[0]
        power = total**-alpha
        columns = [np.ones_like(total), power, -momentum]
        slopes = np.zeros((len(total), len(self.factors), len(self.exponents)))
        slopes[:, 1, 0] = -alpha * np.log(total) * power
        if self.sized:
            beta = exponents[1]
            columns.append(np.full_like(total, size**-beta))
            slopes[:, 3, 1] = -beta * np.log(size) * columns[3]
        return np.stack(columns, axis=1), slopes

    def guesses(self, curves: Sequence[Curve]) -> Floats:
        """Exponents from 0.1 to 2."""
        alphas = np.geomspace(0.1, 2.0, 8)
        if not self.sized:
            return alphas[:, None]
        return np.array([(alpha, beta) for alpha in alphas for beta in (0.1, 0.3, 0.6, 1.0)])


def momentum_sum(falls: Floats) -> Floats:
    """``M`` after each row, of how far the rate fell with it (times the interval)."""
    from scipy.signal import lfilter

    number = np.arange(1, len(falls) + 1)
    first = lfilter([1 - FIRST], [1.0, -FIRST], falls) / (1 - FIRST**number)
    second = lfilter([1 - SECOND], [1.0, -SECOND], falls**2) / (1 - SECOND**number)
    return np.cumsum(first / (np.sqrt(second * SCALE + EPSILON) + EPSILON))
