"""The steps of a stage: where each begins, and how large it is.

A step has the batch of its first token, as it has its rate: where a batch changes within a step,
the next one is the first to have it. All is closed form over the few levels, so a stage of forty
trillion tokens takes no memory a step.
"""

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

Levels = tuple[tuple[int, int], ...]
"""Tokens of a step, and the tokens of the stage after which they hold; in order, from 0."""


@dataclass(frozen=True)
class Steps:
    """The steps of a stage, in runs of equal ones; made by :func:`steps_of`."""

    sizes: tuple[int, ...]
    """Tokens of a step, by run."""
    first: tuple[int, ...]
    """Each run's first step."""
    begins: tuple[int, ...]
    """Tokens of the stage before each run."""
    count: int
    """Of all steps: enough for all the tokens."""

    @property
    def tokens(self) -> int:
        """Tokens of all steps: no fewer than the stage's, for its last step is whole."""
        return self.tokens_before(self.count)

    def tokens_before(self, step: int) -> int:
        """Tokens of the stage before a step, from 0 to the count of steps."""
        run = bisect_right(self.first, step) - 1
        return self.begins[run] + (step - self.first[run]) * self.sizes[run]

    def size(self, step: int) -> int:
        """Tokens of a step."""
        return self.sizes[bisect_right(self.first, step) - 1]

    def before(self, steps: ArrayLike) -> NDArray[np.int64]:
        """``tokens_before`` for steps of any shape."""
        steps = np.asarray(steps, np.int64)
        run = np.searchsorted(self.first, steps, side="right") - 1
        begins, first, sizes = (
            np.array(each, np.int64) for each in (self.begins, self.first, self.sizes)
        )
        return begins[run] + (steps - first[run]) * sizes[run]

    def step_from(self, tokens: int) -> int:
        """The first step that begins after so many tokens or more."""
        run = bisect_right(self.begins, tokens) - 1
        step = self.first[run] - (self.begins[run] - tokens) // self.sizes[run]
        return min(step, self.first[run + 1]) if run + 1 < len(self.first) else step

    def nearest(self, tokens: float) -> int:
        """The step that begins nearest to so many tokens."""
        run = bisect_right(self.begins, tokens) - 1
        return self.first[run] + round((tokens - self.begins[run]) / self.sizes[run])

    def runs(self, unit: int) -> tuple[tuple[int, int], ...]:
        """How many steps, and how many times ``unit`` tokens each of them has; a pair a run."""
        ends = (*self.first[1:], self.count)
        return tuple(
            (end - first, size // unit)
            for first, end, size in zip(self.first, ends, self.sizes, strict=True)
        )


@lru_cache(maxsize=256)
def steps_of(levels: Levels, tokens: int) -> Steps:
    """Lay out the steps of a stage of ``tokens``.

    Raises ``ValueError`` for a level that no step has, because it begins and ends within one, or
    that begins behind the stage's end.
    """
    first, begins = [0], [0]
    for number, ((size, _), (_, after)) in enumerate(pairwise(levels), 2):
        if after >= tokens:
            raise ValueError(
                f"level {number} begins after {after} tokens, but the stage has {tokens}"
            )
        steps = -(-(after - begins[-1]) // size)
        if steps < 1:
            raise ValueError(
                f"level {number - 1} of {size} tokens a step ends after {after} tokens, within a "
                "step that began before it: no step would have it; leave it out, or move it"
            )
        first.append(first[-1] + steps)
        begins.append(begins[-1] + steps * size)
    last = levels[-1][0]
    left = -(-(tokens - begins[-1]) // last)
    if left < 1:
        raise ValueError(
            f"level {len(levels)} begins with the last step before the stage's end at {tokens} "
            "tokens: no step would have it; leave it out, or move it"
        )
    sizes = tuple(size for size, _ in levels)
    return Steps(sizes, tuple(first), tuple(begins), first[-1] + left)
