"""BiMix: a power law in the shares, ``sum_i F_i (r_i + e) ** -a_i``.

From Ge et al. 2024, arXiv 2405.14908: a domain's loss falls as a power of its own share (and of
the steps, which all proxies of a swarm have in common). olmix (allenai/olmix) adds up such a term
for every domain, so that any loss can be fitted: that form is here, with ``F`` and ``a`` positive,
hence convex in the shares. It knows no share of zero, and swarms are full of them: ``e``, one for
all domains, is fitted too, as D-CPT does (arXiv 2406.01375).
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
_ZEROS = (1e-4, 1e-3, 1e-2, 1e-1)
"""Starts of ``e``."""
_EXPONENTS = (0.05, 0.2)
_OTHERS = 0.2
"""What part of the loss the domains but the own one give together, in a start."""


@dataclass(frozen=True)
class BiMix:
    """``sum(factors * (r + zero) ** -exponents)``."""

    factors: Array
    exponents: Array
    zero: float
    converged: bool
    convex: bool = True

    def predict(self, mixtures: Array) -> Array:
        """As ``laws.mixing.method`` says."""
        return (mixtures + self.zero) ** -self.exponents @ self.factors

    def gradient(self, mixture: Array) -> Array:
        """As ``laws.mixing.method`` says."""
        return -self.factors * self.exponents * (mixture + self.zero) ** (-self.exponents - 1)

    def hessian(self, mixture: Array) -> Array:
        """As ``laws.mixing.method`` says."""
        powers = (mixture + self.zero) ** (-self.exponents - 2)
        return np.diag(self.factors * self.exponents * (self.exponents + 1) * powers)


class Config(FrozenModel):
    """A sum of powers of the shares (BiMix, as olmix sums it)."""

    law: Literal["bimix"]

    def parameters(self, domains: int) -> int:
        """A factor and an exponent a domain, and what is added to every share."""
        return 2 * domains + 1

    def fit(
        self, mixtures: Array, losses: Array, *, own: int | None = None, seed: int = 0
    ) -> BiMix:
        """As ``laws.mixing.method`` says."""
        require_enough(self, mixtures)
        found = least_squares.least_squares(
            lambda parameters: _model(parameters, mixtures),
            losses,
            _starts(losses, mixtures.shape[1], own, seed),
            delta=DELTA,
        )
        zero, *both = found.parameters
        factors, exponents = np.split(np.exp(np.array(both)), 2)
        return BiMix(factors, exponents, float(np.exp(zero)), found.converged)


def _model(parameters: Array, mixtures: Array) -> tuple[Array, Array]:
    """Parameters are logarithms: of ``e``, of each ``F``, of each ``a``."""
    zero = np.exp(parameters[:, :1])[:, :, None]
    factors, exponents = np.split(parameters[:, 1:], 2, axis=1)
    powers = np.exp(exponents)[:, None, :]
    shares = mixtures[None] + zero
    logs = np.log(shares)
    terms = np.exp(factors[:, None, :] - powers * logs)
    by_zero = -(terms * powers / shares).sum(axis=2, keepdims=True) * zero
    jacobian = np.concatenate([by_zero, terms, -terms * powers * logs], axis=2)
    return terms.sum(axis=2), jacobian


def _starts(losses: Array, domains: int, own: int | None, seed: int) -> Array:
    """Every zero with every exponent; the own domain, or each alike, gives most of the loss."""
    generator = np.random.default_rng(seed)
    level = np.log(np.maximum(losses.mean(), 1e-9))
    factors = np.full(domains, level - np.log(domains))
    if own is not None and domains > 1:
        factors[:] = level + np.log(_OTHERS / (domains - 1))
        factors[own] = level + np.log(1 - _OTHERS)
    rows = [
        [np.log(zero), *factors, *np.log(exponent * generator.uniform(0.5, 1.5, domains))]
        for zero in _ZEROS
        for exponent in _EXPONENTS
    ]
    return np.array(rows)
