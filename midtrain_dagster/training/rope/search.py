"""LongRoPE's evolutionary search (arXiv 2402.13753, section 3.3 and algorithm 1).

An individual is a factor for each frequency, from the highest to the lowest. The first ones are
those of PI, NTK-aware and YaRN, and mutations of them; then the best become parents, and mutations
and crossovers of them are tried. Factors lie between 1 and 1.25 times the extension, in steps of
0.01, and never fall from one frequency to the next lower one, by which the paper prunes its space.
All draws come from one seed, and a score is computed once of each individual.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.training.rope.search_settings import Search

Factors = tuple[float, ...]
Score = Callable[[Factors], float]
"""What is minimised: nats per token."""

VERSION = 1

STEP = 0.01
BEYOND = 1.25
"""How much further than the extension a factor may reach (the paper's table 4)."""
TRIES = 100
"""Draws after which an individual that is not new is given up: the space may be exhausted."""


def searched(
    score: Score,
    settings: Search,
    *,
    base: float,
    size: int,
    factor: float,
    original: int,
    seed: int,
) -> tuple[Factors, dict[Factors, float]]:
    """The best factors found, and the score of every one that was tried, in their order.

    ``size`` components of a head are rotated by the base ``base``; the window of ``original``
    tokens becomes ``factor`` times as long.
    """
    half, draws = size // 2, np.random.default_rng(seed)
    scores: dict[Factors, float] = {}

    def tried(individual: Factors) -> None:
        scores[individual] = score(individual)

    def new(make: Callable[[], NDArray[np.float64]]) -> None:
        for _ in range(TRIES):
            individual = _rounded(make(), factor)
            if individual not in scores:
                tried(individual)
                return

    first = list(dict.fromkeys(starts(half, base=base, factor=factor, original=original)))
    for individual in first[: settings.population]:
        tried(individual)
    for number in range(settings.population - len(first)):
        new(lambda at=number: _mutated(first[at % len(first)], factor, settings, draws))  # type: ignore[misc]
    for _ in range(settings.iterations):
        parents = sorted(scores, key=lambda each: scores[each])[: settings.parents]
        for _ in range(settings.mutations):
            new(lambda of=parents: _mutated(_one(of, draws), factor, settings, draws))  # type: ignore[misc]
        for _ in range(settings.crossovers):
            new(lambda of=parents: _crossed(_one(of, draws), _one(of, draws), draws))  # type: ignore[misc]
    return min(scores, key=lambda each: scores[each]), scores


def starts(half: int, *, base: float, factor: float, original: int) -> list[Factors]:
    """The factors of PI, of NTK-aware and of YaRN."""
    size = 2 * half
    pi = np.full(half, factor)
    ntk = factor ** (2 * np.arange(half) / (size - 2))
    yarn = yarn_factors(half, base=base, factor=factor, original=original)
    return [_rounded(each, factor) for each in (pi, ntk, yarn)]


def yarn_factors(half: int, *, base: float, factor: float, original: int) -> NDArray[np.float64]:
    """What YaRN (32 turns and 1) divides each of ``half`` frequencies by."""

    def dimension(turns: float) -> float:
        return half * math.log(original / (2 * math.pi * turns)) / math.log(base)

    low = max(math.floor(dimension(32)), 0)
    high = min(math.ceil(dimension(1)), 2 * half - 1)
    ramp = np.clip((np.arange(half) - low) / max(high - low, 1e-3), 0, 1)
    return 1 / ((1 - ramp) + ramp / factor)


def _rounded(factors: NDArray[np.float64], factor: float) -> Factors:
    """In steps, within the bounds, and never falling."""
    inside = np.clip(np.maximum.accumulate(factors), 1.0, BEYOND * factor)
    return tuple(float(each) for each in np.round(np.round(inside / STEP) * STEP, 2))


def _mutated(
    parent: Factors, factor: float, settings: Search, draws: np.random.Generator
) -> NDArray[np.float64]:
    """Some factors drawn anew, each between its neighbours, as none may fall."""
    child = np.array(parent)
    for at in np.flatnonzero(draws.random(len(child)) < settings.mutation_rate):
        low = child[at - 1] if at else 1.0
        high = child[at + 1] if at + 1 < len(child) else BEYOND * factor
        child[at] = draws.uniform(low, max(low, high))
    return child


def _crossed(one: Factors, other: Factors, draws: np.random.Generator) -> NDArray[np.float64]:
    """Each factor of one parent or of the other; where that falls, it is raised."""
    return np.where(draws.random(len(one)) < 0.5, one, other)


def _one(parents: Sequence[Factors], draws: np.random.Generator) -> Factors:
    return parents[int(draws.integers(len(parents)))]
