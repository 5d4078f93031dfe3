"""A law of fewer shares: where frozen domains kept their proportions in every proxy.

Conditional mixing freezes domains that are solved, and their shares then move together in every
proxy: nothing tells them apart, and a law that tries needs proxies that were never trained. So it
is fitted to the shares that were free, the frozen domains together being one, and still answers for
mixtures of all.
"""

from dataclasses import dataclass

import numpy as np

from midtrain_dagster.laws.mixing.method import Array, Fitted, Law, Smooth

VERSION = 1

_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Reduced:
    """A fitted law behind the sum of shares."""

    fitted: Fitted
    sums: Array
    """(domains, free): ones where a domain is part of a free share."""

    @property
    def converged(self) -> bool:
        """As ``laws.mixing.method`` says."""
        return self.fitted.converged

    def predict(self, mixtures: Array) -> Array:
        """As ``laws.mixing.method`` says."""
        return self.fitted.predict(mixtures @ self.sums)


@dataclass(frozen=True)
class ReducedSmooth(Reduced):
    """The same, of a law with derivatives."""

    fitted: Smooth

    @property
    def convex(self) -> bool:
        """As ``laws.mixing.method`` says."""
        return self.fitted.convex

    def gradient(self, mixture: Array) -> Array:
        """As ``laws.mixing.method`` says."""
        return self.sums @ self.fitted.gradient(mixture @ self.sums)

    def hessian(self, mixture: Array) -> Array:
        """As ``laws.mixing.method`` says."""
        return self.sums @ self.fitted.hessian(mixture @ self.sums) @ self.sums.T


@dataclass(frozen=True)
class ReducedLaw:
    """A law that is fitted to sums of shares."""

    of: Law
    sums: Array

    @property
    def law(self) -> str:
        """As ``laws.mixing.method`` says."""
        return self.of.law

    def parameters(self, domains: int) -> int:
        """As ``laws.mixing.method`` says."""
        return self.of.parameters(self.sums.shape[1])

    def fit(
        self, mixtures: Array, losses: Array, *, own: int | None = None, seed: int = 0
    ) -> Reduced:
        """As ``laws.mixing.method`` says."""
        place = None if own is None else int(np.argmax(self.sums[own]))
        fitted = self.of.fit(mixtures @ self.sums, losses, own=place, seed=seed)
        if isinstance(fitted, Smooth):
            return ReducedSmooth(fitted, self.sums)
        return Reduced(fitted, self.sums)


def reduced_law(law: Law, mixtures: Array, basis: Array) -> Law:
    """The law of the free shares where every mixture (proxies, domains) is made of the columns of
    ``basis`` (domains, free), as ``constraints`` has it; elsewhere the law itself."""
    sums = (basis > 0).astype(float)
    if basis.shape[0] == basis.shape[1]:
        return law
    kept = np.allclose(mixtures @ sums @ basis.T, mixtures, atol=_TOLERANCE)
    return ReducedLaw(law, sums) if kept else law
