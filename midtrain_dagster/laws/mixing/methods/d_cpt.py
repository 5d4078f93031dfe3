"""The D-CPT law: ``E + A / N^a + B r^h / D^b + C / (r + e)^g``.

From Que et al. 2024, arXiv 2406.01375, equation 6: the loss of one corpus in continual pre-training
as a function of the model's size N, the tokens D, and the share r of *that corpus* (for the general
loss r is the general share). Fitted to log L with Huber's loss, delta 1e-3. What the runs do not
vary is not fitted: with one size ``A / N^a`` is part of E, with one number of tokens ``D^b`` is
part of B, and a question about another is refused.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.laws.mixing import least_squares, ratio
from midtrain_dagster.laws.mixing.method import Array

VERSION = 1
USES = (least_squares, ratio)

DELTA = 1e-3
_NAMES = ("E", "A", "a", "B", "h", "b", "C", "e", "g")
_STARTS = 64
_LEAST_SHARE = 1e-12


@dataclass(frozen=True)
class DCPT:
    """The nine parameters by ``_NAMES`` (positive), in units of ``tokens`` and ``size``."""

    parameters: Array
    tokens: float
    """The unit of D: the geometric mean of the runs'."""
    size: float
    only_tokens: float | None
    only_size: float | None
    converged: bool

    def predict(self, ratios: Array, tokens: Array, sizes: Array) -> Array:
        """As ``laws.mixing.ratio`` says."""
        ratio.require_varied("tokens", self.only_tokens, tokens)
        ratio.require_varied("parameters", self.only_size, sizes)
        inputs = (ratios, np.log(tokens / self.tokens), np.log(sizes / self.size))
        with np.errstate(divide="ignore"):
            logs, _ = _model(np.log(self.parameters)[None], *inputs)
        return np.exp(logs[0])


class Config(FrozenModel):
    """The loss of a corpus by its share, the tokens and the model's size (D-CPT)."""

    law: Literal["d_cpt"]

    def parameters(self, *, tokens: bool, sizes: bool) -> int:
        """As ``laws.mixing.ratio`` says."""
        return int(_free(tokens=tokens, sizes=sizes).sum())

    def fit(
        self, ratios: Array, tokens: Array, sizes: Array, losses: Array, *, seed: int = 0
    ) -> DCPT:
        """As ``laws.mixing.ratio`` says."""
        only_tokens, only_size = ratio.only_value(tokens), ratio.only_value(sizes)
        free = _free(tokens=only_tokens is None, sizes=only_size is None)
        ratio.require_runs(self, len(losses), int(free.sum()))
        units = np.exp(np.log(tokens).mean()), np.exp(np.log(sizes).mean())
        inputs = (ratios, np.log(tokens / units[0]), np.log(sizes / units[1]))
        # What is not fitted gives nothing: log A is -inf; b counts for nothing where D is its unit.
        base = np.where(np.array(_NAMES) == "A", -np.inf, 0.0)

        def model(parameters: Array) -> tuple[Array, Array]:
            every = np.tile(base, (len(parameters), 1))
            every[:, free] = parameters
            predicted, jacobian = _model(every, *inputs)
            return predicted, jacobian[:, :, free]

        starts = _starts(losses, seed)[:, free]
        found = least_squares.least_squares(model, np.log(losses), starts, delta=DELTA)
        parameters = base.copy()
        parameters[free] = found.parameters
        return DCPT(np.exp(parameters), *units, only_tokens, only_size, found.converged)


def _free(*, tokens: bool, sizes: bool) -> NDArray[np.bool_]:
    """Which parameters runs tell that vary the tokens, and the sizes, or do not."""
    fixed = set() if sizes else {"A", "a"}
    fixed |= set() if tokens else {"b"}
    return np.array([name not in fixed for name in _NAMES])


def _model(logs: Array, ratios: Array, tokens: Array, sizes: Array) -> tuple[Array, Array]:
    """log L and its derivative by the parameters' logarithms; tokens and sizes are logarithms."""
    values = np.exp(logs)[:, :, None]
    floor, by_size, a, by_tokens, h, b, by_share, zero, g = np.moveaxis(values, 1, 0)
    share = np.maximum(ratios, _LEAST_SHARE)
    size = by_size * np.exp(-a * sizes)
    data = by_tokens * np.exp(h * np.log(share) - b * tokens)
    rest = by_share * (share + zero) ** -g
    loss = floor + size + data + rest
    shape = np.ones_like(loss)
    derivative = [
        floor * shape,
        size,
        -size * a * sizes,
        data,
        data * h * np.log(share),
        -data * b * tokens,
        rest,
        -rest * g * zero / (share + zero),
        -rest * g * np.log(share + zero),
    ]
    return np.log(loss), np.stack([each / loss for each in derivative], axis=2)


def _starts(losses: Array, seed: int) -> Array:
    """Logarithms, drawn: terms of a tenth to all of the loss, exponents of 0.1 to 1."""
    draws = np.random.default_rng(seed).random((_STARTS, len(_NAMES)))
    level = np.log(losses.mean())
    terms = level + np.log(0.05) * draws
    exponents = np.log(0.1) * draws
    is_term = np.array([name in "EABC" for name in _NAMES])
    starts = np.where(is_term, terms, exponents)
    starts[:, _NAMES.index("e")] = np.log(1e-3) * draws[:, _NAMES.index("e")]
    return starts
