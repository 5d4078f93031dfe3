"""The mixing law: ``c + k exp(sum_j t_j r_j)``.

From Ye et al. 2024, arXiv 2403.16952, equation 7 (code: yegcjs/mixinglaws). As the shares sum to
one, ``k`` is no parameter of its own but for its sign: its size goes into every ``t``. Both signs
are fitted and the better is kept; with a positive one it is the function of ``log_linear``, whose
floor, though, may here be negative. Starts: floors at some distances below the least loss (for the
negative sign ceilings above the greatest), each with the slopes that fit the logarithm of what lies
above (below) it by least squares. Convex where the sign is positive.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.laws.mixing import least_squares
from midtrain_dagster.laws.mixing.method import Array, require_enough

VERSION = 1
USES = (least_squares,)

DELTA = 0.02
_DISTANCES = np.geomspace(0.02, 20.0, 8)
"""Of the floor from the nearest loss, in spreads of the losses."""


@dataclass(frozen=True)
class MixingLaw:
    """``offset + sign * exp(r . slopes)``."""

    offset: float
    sign: int
    slopes: Array
    converged: bool

    @property
    def convex(self) -> bool:
        """As ``laws.mixing.method`` says."""
        return self.sign > 0

    def predict(self, mixtures: Array) -> Array:
        """As ``laws.mixing.method`` says."""
        return self.offset + self.sign * np.exp(mixtures @ self.slopes)

    def gradient(self, mixture: Array) -> Array:
        """As ``laws.mixing.method`` says."""
        return self.sign * np.exp(mixture @ self.slopes) * self.slopes

    def hessian(self, mixture: Array) -> Array:
        """As ``laws.mixing.method`` says."""
        return self.sign * np.exp(mixture @ self.slopes) * np.outer(self.slopes, self.slopes)


class Config(FrozenModel):
    """A constant and an exponential of a weighted sum of the shares, of either sign (Ye et al.)."""

    law: Literal["mixing_law"]

    def parameters(self, domains: int) -> int:
        """The constant, and a slope a domain."""
        return domains + 1

    def fit(
        self, mixtures: Array, losses: Array, *, own: int | None = None, seed: int = 0
    ) -> MixingLaw:
        """As ``laws.mixing.method`` says."""
        require_enough(self, mixtures)
        found = {
            sign: least_squares.least_squares(
                partial(_model, mixtures=mixtures, sign=sign),
                losses,
                _starts(mixtures, losses, sign),
                delta=DELTA,
            )
            for sign in (1, -1)
        }
        sign = min(found, key=lambda each: found[each].cost)
        best = found[sign]
        return MixingLaw(float(best.parameters[0]), sign, best.parameters[1:], best.converged)


def _model(parameters: Array, mixtures: Array, sign: int) -> tuple[Array, Array]:
    term = sign * np.exp(parameters[:, 1:] @ mixtures.T)
    ones = np.ones((*term.shape, 1))
    return parameters[:, :1] + term, np.concatenate([ones, term[:, :, None] * mixtures], axis=2)


def _starts(mixtures: Array, losses: Array, sign: int) -> Array:
    spread = max(float(losses.std()), 1e-9)
    nearest = losses.min() if sign > 0 else losses.max()
    offsets = nearest - sign * spread * _DISTANCES
    away = np.log(np.abs(losses[:, None] - offsets))
    slopes, *_ = np.linalg.lstsq(mixtures, away, rcond=None)
    return np.column_stack([offsets, slopes.T])
