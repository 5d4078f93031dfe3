"""The learning rate of every step of a run, and what the laws sum of it.

A point of a run is the number of updates that were done (a real number, where points are means of
several). The sum of rates at a point is over the updates before it. A *fall* is a step whose rate
is below that of the step before; a rise is a negative fall. The two papers treat the warm-up in
different ways, and so do we: the annealing law's momentum begins after it (Tissue et al. 2024,
arXiv 2408.11029, section 3), while the published parameters of the multi-power law (Luo et al.
2025, arXiv 2503.12811) give the published errors only where its rise, from 0 on, is a negative
fall.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FALLS = 256
"""Into how many falls the rates of a run are gathered at most: steps beside one another become one
fall of their sum. The law of a cosine over 24,000 steps moves by less than 1e-5 of its value."""


@dataclass(frozen=True)
class Falls:
    """How far the rate fell, where. Arrays of one length."""

    size: Floats
    """By how much; negative where it rose."""
    rate: Floats
    """The rate afterwards."""
    begin: Floats
    """The sum of rates up to there."""


@dataclass(frozen=True)
class Rates:
    """The learning rate of each step, the first of which is step 0."""

    each: Floats
    warmup: int = 0
    """Steps at the beginning that are a warm-up."""

    @cached_property
    def sums(self) -> Floats:
        """The sum of rates after 0, 1, ... all updates."""
        return np.concatenate(([0.0], np.cumsum(self.each)))

    @cached_property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self.each)

    @cached_property
    def peak(self) -> float:
        """The highest rate."""
        return float(self.each.max())

    @cached_property
    def last(self) -> float:
        """The rate of the last step."""
        return float(self.each[-1])

    @cached_property
    def lowest(self) -> float:
        """The lowest rate after the warm-up."""
        return float(self.each[min(self.warmup, self.steps - 1) :].min())

    def sum_at(self, points: Floats) -> Floats:
        """The sum of rates at points (updates done)."""
        return np.interp(points, np.arange(self.steps + 1), self.sums)

    @cached_property
    def differences(self) -> Floats:
        """By how much the rate falls with each step; 0 in the warm-up and at its end."""
        falls = -np.diff(self.each, prepend=self.each[:1])
        falls[: self.warmup + 1] = 0.0
        return falls

    def momentum_at(self, points: Floats, momentum: float) -> Floats:
        """``Σm`` at points, where ``m`` is ``momentum`` times that of the step before, and how far
        the rate fell with the step."""
        from scipy.signal import lfilter

        summed = np.cumsum(lfilter([1.0], [1.0, -momentum], self.differences))
        return np.interp(points, np.arange(self.steps + 1), np.concatenate(([0.0], summed)))

    @cached_property
    def falls(self) -> Falls:
        """All falls, those of the warm-up too, gathered (``FALLS``): each at the mean of its steps'
        sums, by their size."""
        every = -np.diff(self.each, prepend=0.0)
        moved = np.flatnonzero(every)
        if not len(moved):
            return Falls(*(np.empty(0) for _ in range(3)))
        block = moved * FALLS // self.steps
        size = every[moved]
        rises = size < 0
        new = np.flatnonzero((np.diff(block) != 0) | (np.diff(rises) != 0)) + 1
        edges = np.concatenate(([0], new))
        total = np.add.reduceat(size, edges)
        rate = np.add.reduceat(size * self.each[moved], edges) / total
        begin = np.add.reduceat(size * self.sums[moved], edges) / total
        return Falls(total, rate, begin)

    def then(self, more: Floats) -> "Rates":
        """These rates, and more steps after them."""
        return Rates(np.concatenate((self.each, more)), self.warmup)


def warmup_of(each: Floats) -> int:
    """How many steps at the beginning only rise: where the first rate stands that the next does not
    exceed. 0 for a run that begins at its plateau."""
    rises = np.diff(each) > 0
    return len(rises) if rises.all() else int(np.argmin(rises))


def same_schedule(one: Rates, other: Rates, tolerance: float = 0.01) -> bool:
    """Whether one run's rates are those with which the other begins, within ``tolerance`` of the
    peak: it then shows nothing of the schedule that the longer one does not show."""
    steps = min(one.steps, other.steps)
    gap = np.abs(one.each[:steps] - other.each[:steps]).max()
    return bool(gap <= tolerance * max(one.peak, other.peak))


def schedules(runs: list[Rates]) -> int:
    """How many schedules there are among runs: those that begin alike and go on count once."""
    longest_first = sorted(runs, key=lambda rates: -rates.steps)
    kept: list[Rates] = []
    for rates in longest_first:
        if not any(same_schedule(rates, other) for other in kept):
            kept.append(rates)
    return len(kept)


def in_words(rates: Rates) -> str:
    """A schedule in a few words, for messages: its steps, its peak, where it ends."""
    ends = "constant" if rates.last > 0.99 * rates.peak else f"ends at {rates.last:.3g}"
    return f"{rates.steps:,} steps, peak {rates.peak:.3g}, {ends}"
