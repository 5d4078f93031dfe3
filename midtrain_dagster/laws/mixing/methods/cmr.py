"""The law of critical mixture ratios: ``c + a R^s + b T^-t``.

Gu et al. 2024, arXiv 2407.17467, find that the general loss of continual pre-training follows a
power of the new data's ratio R at each number of tokens, and a power of the tokens T at each ratio.
The sum of both is the joint form here (five numbers; the paper fits each apart), so the critical
ratio, the largest whose general loss is tolerated, follows for any T. It says nothing of a model's
size: each is fitted apart.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.laws.mixing import least_squares, ratio
from midtrain_dagster.laws.mixing.method import Array

VERSION = 1
USES = (least_squares, ratio)

DELTA = 1e-3
_EXPONENTS = (0.3, 1.0, 2.0)
_LEAST_RATIO = 1e-12


@dataclass(frozen=True)
class CMR:
    """``offset + rise * R^power + fall * (T / tokens)^-decay``."""

    offset: float
    rise: float
    power: float
    fall: float
    decay: float
    tokens: float
    only_tokens: float | None
    size: float
    converged: bool

    def predict(self, ratios: Array, tokens: Array, sizes: Array) -> Array:
        """As ``laws.mixing.ratio`` says."""
        ratio.require_varied("tokens", self.only_tokens, tokens)
        ratio.require_varied("parameters", self.size, sizes)
        risen = self.rise * np.maximum(ratios, _LEAST_RATIO) ** self.power
        return self.offset + risen + self.fall * (tokens / self.tokens) ** -self.decay


class Config(FrozenModel):
    """The general loss by the ratio of new data and the tokens (CMR)."""

    law: Literal["cmr"]

    def parameters(self, *, tokens: bool, sizes: bool) -> int:
        """As ``laws.mixing.ratio`` says; sizes are fitted apart."""
        return 5 if tokens else 3

    def fit(
        self, ratios: Array, tokens: Array, sizes: Array, losses: Array, *, seed: int = 0
    ) -> CMR:
        """As ``laws.mixing.ratio`` says. Raises ``UnidentifiedError`` for several sizes."""
        size, only_tokens = ratio.only_value(sizes), ratio.only_value(tokens)
        if size is None:
            raise ratio.UnidentifiedError("law cmr knows one size of model: fit each size apart")
        free = np.array([True, True, True, only_tokens is None, only_tokens is None])
        ratio.require_runs(self, len(losses), int(free.sum()))
        unit = float(np.exp(np.log(tokens).mean()))

        def model(parameters: Array) -> tuple[Array, Array]:
            every = np.zeros((len(parameters), 5))
            every[:, free] = parameters
            predicted, jacobian = _model(every, ratios, np.log(tokens / unit))
            return predicted, jacobian[:, :, free]

        starts = _starts(ratios, tokens / unit, losses)[:, free]
        found = least_squares.least_squares(model, losses, starts, delta=DELTA)
        every = np.zeros(5)
        every[free] = found.parameters
        offset, rise, power, fall, decay = every
        return CMR(
            float(offset),
            float(rise),
            float(np.exp(power)),
            float(fall),
            float(np.exp(decay)),
            unit,
            only_tokens,
            size,
            found.converged,
        )


def _model(parameters: Array, ratios: Array, tokens: Array) -> tuple[Array, Array]:
    """The loss and its derivative by (c, a, log s, b, log t); tokens are logarithms."""
    offset, rise, power, fall, decay = np.moveaxis(parameters[:, :, None], 1, 0)
    exponent, fading = np.exp(power), np.exp(decay)
    logs = np.log(np.maximum(ratios, _LEAST_RATIO))
    risen, fallen = np.exp(exponent * logs), np.exp(-fading * tokens)
    derivative = (
        np.ones_like(risen),
        risen,
        rise * risen * exponent * logs,
        fallen,
        -fall * fallen * fading * tokens,
    )
    return offset + rise * risen + fall * fallen, np.stack(derivative, axis=2)


def _starts(ratios: Array, tokens: Array, losses: Array) -> Array:
    """Pairs of exponents, each with what is linear fitted by least squares."""
    starts = []
    for power in _EXPONENTS:
        for decay in _EXPONENTS:
            columns = np.column_stack(
                [np.ones_like(ratios), np.maximum(ratios, _LEAST_RATIO) ** power, tokens**-decay]
            )
            (offset, rise, fall), *_ = np.linalg.lstsq(columns, losses, rcond=None)
            starts.append([offset, rise, np.log(power), fall, np.log(decay)])
    return np.array(starts)
