"""Phi-4's rule (Abdin et al. 2024, arXiv 2412.08905, section 3.3), from 4K to windows of 16K.

30% are long documents: samples above 8K, half a window, of which those of at least 16K, a window,
are upweighted. 70% recall what was trained on before. How much the longest are upweighted it does
not say: that two thirds of the long part are theirs is ours, and so is that the recalled part is of
documents below half a window.
"""

from fractions import Fraction
from typing import Literal

from midtrain_dagster.mixture.length_class import LengthClass, LengthRule

VERSION = 1

LONG_SHARE = 0.3
OF_A_WINDOW = 0.2
"""Ours: two thirds of the long part."""


class Phi4(LengthRule):
    """30% from documents of half a window and more, two thirds of it from a window on."""

    method: Literal["phi_4"] = "phi_4"

    @property
    def classes(self) -> tuple[LengthClass, ...]:
        """Below half a window, up to a window, and from it on."""
        return (
            LengthClass(Fraction(0), 1 - LONG_SHARE),
            LengthClass(Fraction(1, 2), LONG_SHARE - OF_A_WINDOW),
            LengthClass(Fraction(1), OF_A_WINDOW),
        )
