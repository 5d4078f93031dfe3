"""1 - sqrt: steep at first, then ever flatter (Hägele et al. 2024, arXiv 2405.18392)."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.training.schedule.method import ShapeMethod

VERSION = 1


class OneMinusSqrt(ShapeMethod):
    """``end + (start - end)(1 - √x)``."""

    method: Literal["one_minus_sqrt"] = "one_minus_sqrt"

    def curve(self, x: NDArray[np.float64], start: float, end: float) -> NDArray[np.float64]:
        """See ``ShapeMethod``."""
        return end + (start - end) * (1 - np.sqrt(x))
