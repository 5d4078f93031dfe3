"""ProLong's rule (Gao et al. 2024, arXiv 2410.02660, section 3): 60% long, 40% short.

Long parts are packed from documents of at least the packing length alone, half of them repositories
and half books; the short part is a mixture of the base's kind, whatever its lengths (ShortMix). The
halves are shares of domains, which the mixture says.
"""

from fractions import Fraction
from typing import Literal

from midtrain_dagster.mixture.length_class import LengthClass, LengthRule

VERSION = 1

LONG_SHARE = 0.6


class ProLong(LengthRule):
    """60% of the tokens from documents that fill a window, 40% from shorter ones."""

    method: Literal["prolong"] = "prolong"

    @property
    def classes(self) -> tuple[LengthClass, ...]:
        """Below a window, and from it on."""
        return (LengthClass(Fraction(0), 1 - LONG_SHARE), LengthClass(Fraction(1), LONG_SHARE))
