"""A stream of random draws that is a function of its causes and of nothing else.

Python promises that ``random.Random(n).random()`` stays as it is between versions, and promises it
of no other method; so everything here is made of that one.
"""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from midtrain_dagster.core import draws

VERSION = 1
USES = (draws,)

T = TypeVar("T")


class Draw:
    """Draws that begin anew, and alike, for the same causes."""

    def __init__(self, *causes: str | int) -> None:
        self._uniform = Random(draws.key(*causes)).random

    def uniform(self) -> float:
        """A number in [0, 1)."""
        return self._uniform()

    def below(self, bound: int) -> int:
        """A whole number from 0 to ``bound`` - 1."""
        return int(self._uniform() * bound)

    def one(self, items: Sequence[T]) -> T:
        """One of them."""
        return items[self.below(len(items))]

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """``count`` different ones, in the order in which they are drawn (Fisher and Yates)."""
        rest = list(items)
        for place in range(count):
            other = place + self.below(len(rest) - place)
            rest[place], rest[other] = rest[other], rest[place]
        return rest[:count]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """All of them in another order."""
        return self.sample(items, len(items))
