"""What every rule of drawing mixtures offers, and what is the same for all.

A rule is one file in ``methods/``: its ``Config`` (a section of the recipe, which has the members
of :class:`Draw`), its ``VERSION``, and where it comes from. ``config.py`` lists the members.

Each mixture is drawn by itself, from a generator that its number starts, over the domains that are
present in it alone. So a domain that is added, or whose tokens change, leaves the mixtures without
it as they are, and proxies that were trained on them are found (``docs/mixture-search.md``).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.core.draws import key

VERSION = 1

DIGITS = 6
"""To which shares are rounded: a proxy is found by them."""

TRIES = 10_000
"""Candidates of one mixture that may be rejected."""

Floats = NDArray[np.float64]


class DrawError(ValueError):
    """A rule whose bounds no mixture meets; the message says what to change."""


@dataclass(frozen=True)
class Wanted:
    """What is to be drawn: ``n`` mixtures of ``d`` domains."""

    present: NDArray[np.bool_]
    """Which domains each mixture may have, ``[n, d]``; at least one."""
    prior: Floats
    """The share that each domain has by nature, or as the recipe says, ``[d]``; up to a factor."""
    once: Floats
    """The share with which the target run reads all there is of a domain once, ``[d]``; infinite
    where no target run is known."""
    seed: int
    first: int = 0
    """The number of the first mixture."""

    @property
    def numbers(self) -> range:
        """The mixtures' numbers."""
        return range(self.first, self.first + len(self.present))

    @cached_property
    def dimensions(self) -> int:
        """How many domains there are."""
        return self.present.shape[1]

    def generator(self, number: int) -> np.random.Generator:
        """Where the draws of one mixture start."""
        return np.random.Generator(np.random.PCG64(key("mixture", self.seed, number)))


class Draw(Protocol):
    """A section of the recipe that draws mixtures."""

    @property
    def draw(self) -> str:
        """The rule's name."""
        ...

    def shares(self, wanted: Wanted) -> Floats:
        """The mixtures, ``[n, d]``: no share below 0, none of an absent domain, each row sums to
        one. Raises :class:`DrawError`."""
        ...


def one_by_one(
    wanted: Wanted, candidate: Callable[[np.random.Generator, Wanted], Floats]
) -> Floats:
    """Each mixture from the first candidate that is not rejected (all zero): a candidate is drawn
    over the present domains alone, whose prior sums to one again."""
    shares = np.zeros(wanted.present.shape)
    for row, number in enumerate(wanted.numbers):
        chosen = wanted.present[row]
        prior = wanted.prior[chosen] / wanted.prior[chosen].sum()
        alone = replace(
            wanted,
            present=np.ones((1, len(prior)), np.bool_),
            prior=prior,
            once=wanted.once[chosen],
        )
        generator = wanted.generator(number)
        tries = (candidate(generator, alone) for _ in range(TRIES))
        found = next((each for each in tries if each.any()), None)
        if found is None:
            raise DrawError(
                f"mixture {number}: none of {TRIES:,} candidates over {len(prior)} domains is "
                "within the bounds of the rule: raise the most that a domain may be repeated, or "
                "lower the least share"
            )
        shares[row, chosen] = found
    return rounded(shares)


def rounded(shares: Floats) -> Floats:
    """The mixtures in so many digits; what that leaves over or takes, the largest share gives."""
    few = np.round(shares / shares.sum(axis=1, keepdims=True), DIGITS)
    rows, largest = np.arange(len(few)), few.argmax(axis=1)
    few[rows, largest] += 1 - few.sum(axis=1)
    return np.round(few, DIGITS)


def dirichlet(generator: np.random.Generator, prior: Floats, strengths: Floats) -> Floats:
    """A draw from a Dirichlet distribution around the prior, with one of the strengths, each as
    likely: from nearly one domain alone to nearly the prior."""
    drawn = generator.dirichlet(prior * generator.choice(strengths))
    # Of small strengths all may underflow: then a domain alone, by the prior.
    return (
        drawn
        if np.isfinite(drawn).all()
        else np.eye(len(prior))[generator.choice(len(prior), p=prior)]
    )


def floored(shares: Floats, least: float) -> Floats:
    """What is below ``least`` is left out, the rest are multiples of it that sum to one."""
    kept = np.where(shares < least, 0.0, shares)
    if not kept.any():
        return kept
    multiples: Floats = np.round(kept / kept.sum() / least) * least
    return multiples / multiples.sum()
