"""Qwen3's rule (Yang et al. 2025, arXiv 2505.09388, section 3.2), with windows of 32,768.

75% of the text is of 16,384 to 32,768 tokens, half a window to one, and 25% of 4,096 to 16,384, an
eighth to a half. Shorter documents are none of it. It says nothing of longer ones: that they are of
the first class, each cut to windows, is ours.
"""

from fractions import Fraction
from typing import Literal

from midtrain_dagster.mixture.length_class import LengthClass, LengthRule

VERSION = 1

LONG_SHARE = 0.75


class Qwen3(LengthRule):
    """75% from documents of at least half a window, 25% from an eighth to a half."""

    method: Literal["qwen3"] = "qwen3"

    @property
    def classes(self) -> tuple[LengthClass, ...]:
        """From an eighth of a window, and from a half."""
        return (
            LengthClass(Fraction(1, 8), 1 - LONG_SHARE),
            LengthClass(Fraction(1, 2), LONG_SHARE),
        )
