"""Classes of documents by length, as parts of a stage's window, and what a rule says of them.

Natural long documents are rare, so an extension raises them (the survey *LLM Mid-Training*, arXiv
2510.23081, Table 5: 25 to 30 percent long data is common, ProLong has 60, Qwen3 75). How long that
is depends on the stage: a class begins at a part of the window, and ends where the next one begins.
The last class has no end, since a document that is longer than the window fills it.

A rule is one file in ``length_rules/``: its ``VERSION`` and a :class:`LengthRule`.
"""

from abc import abstractmethod
from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel


class LengthClass(NamedTuple):
    """Documents from a part of the window on, and the share of tokens that they are to give."""

    start: Fraction
    share: float


STANDARD = (Fraction(0), Fraction(1, 4), Fraction(1, 2), Fraction(1))
"""Where classes begin, for stages that say nothing of lengths: shorter than a quarter of the
window, up to a half, up to the window, and a window and more."""

LONG = Fraction(1, 2)
"""From which part of the window on documents count as long data: what Qwen3 and Phi-4 take."""

MOST_LONG = 0.75
"""The largest share of long data that a rule of the literature has (Qwen3). Without short data a
model loses what it could in short windows (ProLong, arXiv 2410.02660, section 3.3)."""


class LengthRule(FrozenModel):
    """What every rule has: classes with their shares, and domains that are a class of their own."""

    own_class: tuple[str, ...] = Field(
        default=(),
        description="Domains that no length divides, as synthetic long records: each is a class of "
        "its own, with its domain's share. The rule's shares are then of the others' tokens.",
    )

    @property
    @abstractmethod
    def classes(self) -> tuple[LengthClass, ...]:
        """The classes, ascending; their shares sum to one. Documents before the first are left
        out."""

    @property
    def long_share(self) -> float:
        """The share of documents of at least half a window."""
        return sum(each.share for each in self.classes if each.start >= LONG)


def bounds(starts: Sequence[Fraction], window: int) -> list[int]:
    """The fewest tokens of each class in windows of ``window`` tokens.

    Raises ValueError for a window so short that two classes begin at the same length.
    """
    found = [ceil(start * window) for start in starts]
    if len(set(found)) < len(found):
        said = ", ".join(str(start) for start in starts)
        raise ValueError(
            f"windows of {window} tokens are too short for classes from {said} of a window: two "
            "of them begin at the same length"
        )
    return found


def labels(starts: Sequence[Fraction]) -> list[str]:
    """What the classes are called: ``under 1/4 window``, ``1/4 to 1/2 window``, ``1 window up``."""
    ends = [*starts[1:], None]
    return [_label(start, end) for start, end in zip(starts, ends, strict=True)]


def _label(start: Fraction, end: Fraction | None) -> str:
    if end is None:
        return f"{start} window up" if start else "any length"
    return f"{start} to {end} window" if start else f"under {end} window"
