"""The mixture with the least predicted loss, within its constraints.

What is minimised is the weighted mean of the targets' predicted losses and ``kl_weight`` times the
relative entropy to the prior (olmix, arXiv 2602.12237), which keeps a proposal from the edges that
no proxy has seen. Where every law is convex, an interior point finds the best there is, and a bound
proves it: no allowed mixture is better than the one found by more than ``gradient . (found -
vertex)``, of the vertex of the set that is best for the gradient (Frank and Wolfe 1956). Smooth
laws that are not convex are descended from several starts (SciPy's SLSQP). Trees have no slope:
RegMix's simulation, 100,000 allowed mixtures of which the best 128 are averaged (arXiv 2407.01492,
section 3.3); the average is allowed too, for the set is convex.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from midtrain_dagster.laws.mixing import constraints, interior
from midtrain_dagster.laws.mixing.constraints import Constraints
from midtrain_dagster.laws.mixing.method import Array, Fitted, Smooth

VERSION = 1
USES = (constraints, interior)

SIMULATED = 100_000
AVERAGED = 128
_STRENGTHS = np.geomspace(0.1, 5.0, 15)
"""Of the Dirichlet draws around the prior, as RegMix's swarms are drawn; times the domains."""
_STARTS = 8
_TOLERANCE = 1e-6
"""How much better the best there is may be, relative to the objective, for what is called exact."""
_TINY = 1e-12


@dataclass(frozen=True)
class Objective:
    """What is minimised, as a function of all shares."""

    fitted: Sequence[Fitted]
    weights: Array
    """(targets,), positive; they are made to sum to one."""
    prior: Array
    kl_weight: float

    @cached_property
    def smooth(self) -> tuple[Smooth, ...]:
        """The laws that have derivatives."""
        return tuple(each for each in self.fitted if isinstance(each, Smooth))

    def predicted(self, mixtures: Array) -> Array:
        """The weighted mean of the predicted losses, (mixtures,)."""
        losses = np.stack([each.predict(mixtures) for each in self.fitted])
        return self.weights / self.weights.sum() @ losses

    def value(self, mixtures: Array) -> Array:
        """What is minimised, (mixtures,)."""
        if not self.kl_weight:
            return self.predicted(mixtures)
        return self.predicted(mixtures) + self.kl_weight * divergence(mixtures, self.prior)

    def gradient(self, mixture: Array) -> Array:
        """Its derivative by each share, at one mixture; every law must be smooth."""
        slopes = np.stack([each.gradient(mixture) for each in self.smooth])
        slope = self.weights / self.weights.sum() @ slopes
        if self.kl_weight:
            ratio = np.maximum(mixture, _TINY) / np.maximum(self.prior, _TINY)
            slope = slope + self.kl_weight * (np.log(ratio) + 1)
        return slope

    def hessian(self, mixture: Array) -> Array:
        """Its second derivatives at one mixture; every law must be smooth."""
        bends = np.stack([each.hessian(mixture) for each in self.smooth])
        bend = np.tensordot(self.weights / self.weights.sum(), bends, axes=1)
        return bend + self.kl_weight * np.diag(1 / np.maximum(mixture, _TINY))


@dataclass(frozen=True)
class Proposal:
    """The mixture that is proposed."""

    shares: Array
    way: Literal["exact", "descent", "simulation"]
    """Whether it is the best there is, the best that descents found, or an average of the best of
    many."""
    gap: float | None
    """By how much the objective could be lower at most; None where nothing bounds it."""


def divergence(mixtures: Array, prior: Array) -> Array:
    """The relative entropy of each mixture to the prior, in nats; infinite for a share where the
    prior has none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(mixtures > 0, mixtures * np.log(mixtures / prior), 0.0)
    return terms.sum(axis=-1)


def propose(objective: Objective, allowed: Constraints, *, seed: int) -> Proposal:
    """The best allowed mixture, by the best way that the laws permit."""
    if len(objective.smooth) < len(objective.fitted):
        return Proposal(allowed.full(_simulated(objective, allowed, seed)), "simulation", None)
    if all(each.convex for each in objective.smooth):
        return _exact(objective, allowed)
    start = allowed.project(allowed.reduced(objective.prior))
    drawn = _drawn(objective.prior, allowed, 1000, seed)
    values = objective.value(allowed.full(drawn))
    starts = [start, *drawn[np.argsort(values, kind="stable")[:_STARTS]]]
    ended = [_descended(objective, allowed, each) for each in starts]
    best = min(ended, key=lambda free: float(objective.value(allowed.full(free[None]))[0]))
    return Proposal(allowed.full(allowed.settled(best)), "descent", None)


def _exact(objective: Objective, allowed: Constraints) -> Proposal:
    basis = allowed.basis
    found = interior.minimise(
        lambda free: float(objective.value(allowed.full(free[None]))[0]),
        lambda free: basis.T @ objective.gradient(allowed.full(free)),
        lambda free: basis.T @ objective.hessian(allowed.full(free)) @ basis,
        allowed.lower,
        allowed.upper,
    )
    kept = allowed.settled(allowed.project(found))
    gap = _gap(objective, allowed, kept)
    least = abs(float(objective.value(allowed.full(kept[None]))[0]))
    return Proposal(
        allowed.full(kept), "exact" if gap <= _TOLERANCE * max(1.0, least) else "descent", gap
    )


def _gap(objective: Objective, allowed: Constraints, free: Array) -> float:
    slope = allowed.basis.T @ objective.gradient(allowed.full(free))
    return max(0.0, float(slope @ (free - allowed.best_vertex(slope))))


def _descended(objective: Objective, allowed: Constraints, start: Array) -> Array:
    """The free shares where SLSQP ends, made to keep to the constraints to the last digit."""
    from scipy.optimize import minimize

    if len(start) == 1:
        return start
    ended = minimize(
        lambda free: float(objective.value(allowed.full(np.maximum(free, 0.0)[None]))[0]),
        start,
        jac=lambda free: allowed.basis.T @ objective.gradient(allowed.full(np.maximum(free, 0.0))),
        bounds=list(zip(allowed.lower, allowed.upper, strict=True)),
        constraints={
            "type": "eq",
            "fun": lambda free: free.sum() - 1,
            "jac": np.ones_like,
        },
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    kept = allowed.project(np.nan_to_num(ended.x, nan=0.0))
    before, after = objective.value(allowed.full(np.stack([start, kept])))
    return kept if after < before else start


def _simulated(objective: Objective, allowed: Constraints, seed: int) -> Array:
    drawn = _drawn(objective.prior, allowed, SIMULATED, seed)
    values = objective.value(allowed.full(drawn))
    return drawn[np.argsort(values, kind="stable")[:AVERAGED]].mean(axis=0)


def _drawn(prior: Array, allowed: Constraints, count: int, seed: int) -> Array:
    """Allowed free shares, (count, free): Dirichlet draws around the prior, flattened by a half,
    from nearly one domain alone to nearly the prior."""
    generator = np.random.default_rng(seed)
    flattened = np.sqrt(np.maximum(allowed.reduced(prior), _TINY))
    flattened /= flattened.sum()
    sizes = np.diff(np.linspace(0, count, len(_STRENGTHS) + 1).astype(int))
    drawn = [
        generator.dirichlet(flattened * len(flattened) * strength, size)
        for strength, size in zip(_STRENGTHS, sizes, strict=True)
    ]
    return allowed.project(np.concatenate(drawn))
