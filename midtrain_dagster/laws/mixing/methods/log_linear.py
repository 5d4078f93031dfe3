"""The log-linear law of olmix: ``exp(c) + exp(x . t)``, a floor and what a mixture leaves above it.

From arXiv 2602.12237 and allenai/olmix: starts with log c evenly from -2 to 1.5, ten values, each
with random slopes (the own domain's negative, the others small), and Huber's loss with delta 0.02.
olmix takes 30 draws of slopes and L-BFGS; here 3, with second-order steps from each
(``least_squares``), which end in the same place. As the shares sum to one, no factor is needed
before the second exponential. Convex in the shares: the best mixture is found exactly.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.laws.mixing import least_squares
from midtrain_dagster.laws.mixing.method import Array, require_enough

VERSION = 1
USES = (least_squares,)

DELTA = 0.02
_FLOORS = np.linspace(-2.0, 1.5, 10)
_DRAWS = 3
_SMALL = 0.1


@dataclass(frozen=True)
class LogLinear:
    """``exp(floor) + exp(x . slopes)``."""

    floor: float
    slopes: Array
    converged: bool
    convex: bool = True

    def predict(self, mixtures: Array) -> Array:
        """As ``laws.mixing.method`` says."""
        return np.exp(self.floor) + np.exp(mixtures @ self.slopes)

    def gradient(self, mixture: Array) -> Array:
        """As ``laws.mixing.method`` says."""
        return np.exp(mixture @ self.slopes) * self.slopes

    def hessian(self, mixture: Array) -> Array:
        """As ``laws.mixing.method`` says."""
        return np.exp(mixture @ self.slopes) * np.outer(self.slopes, self.slopes)


class Config(FrozenModel):
    """A floor and an exponential of a weighted sum of the shares (olmix)."""

    law: Literal["log_linear"]

    def parameters(self, domains: int) -> int:
        """The floor, and a slope a domain."""
        return domains + 1

    def fit(
        self, mixtures: Array, losses: Array, *, own: int | None = None, seed: int = 0
    ) -> LogLinear:
        """As ``laws.mixing.method`` says."""
        require_enough(self, mixtures)
        found = least_squares.least_squares(
            lambda parameters: _model(parameters, mixtures),
            losses,
            _starts(losses, mixtures.shape[1], own, seed),
            delta=DELTA,
        )
        return LogLinear(float(found.parameters[0]), found.parameters[1:], found.converged)


def _model(parameters: Array, mixtures: Array) -> tuple[Array, Array]:
    floor = np.exp(parameters[:, :1])
    above = np.exp(parameters[:, 1:] @ mixtures.T)
    jacobian = np.concatenate(
        [np.broadcast_to(floor[:, :, None], (*above.shape, 1)), above[:, :, None] * mixtures],
        axis=2,
    )
    return floor + above, jacobian


def _starts(losses: Array, domains: int, own: int | None, seed: int) -> Array:
    """olmix's starts, (30, 1 + domains); raised so that each is at the mean of the losses where
    its floor is below that."""
    draws = np.random.default_rng(seed).random((_DRAWS, domains)) * _SMALL
    if own is not None:
        draws[:, own] *= -1 / _SMALL
    floors = np.repeat(_FLOORS, _DRAWS)
    above = np.log(np.maximum(losses.mean() - np.exp(floors), _SMALL))
    return np.column_stack([floors, above[:, None] + np.tile(draws, (len(_FLOORS), 1))])
