"""Inverse square root (Vaswani et al. 2017, arXiv 1706.03762, 5.3; transformers' ``inverse_sqrt``).

There the rate is ``η √(t₀ / t)`` from the step ``t₀`` on. Here it goes through both ends of its
phase, so ``t₀`` is what makes it end where the recipe says: a phase of S tokens has
``t₀ = S / ((start / end)² - 1)``, and this is transformers' curve of that ``timescale``.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.training.schedule.method import ShapeMethod

VERSION = 1


class InverseSqrt(ShapeMethod):
    """``start / √(1 + x ((start / end)² - 1))``."""

    method: Literal["inverse_sqrt"] = "inverse_sqrt"

    def curve(self, x: NDArray[np.float64], start: float, end: float) -> NDArray[np.float64]:
        """See ``ShapeMethod``."""
        return start / np.sqrt(1 + x * ((start / end) ** 2 - 1))

    def check_end(self, end: float) -> None:
        """It never reaches 0."""
        if end == 0:
            raise ValueError("an inverse square root never reaches 0: give a `to` above 0")
