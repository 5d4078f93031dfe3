"""Half a cosine (survey, arXiv 2510.23081, Table 1).

The table's formula lacks a difference; it is ``end + (start - end)(1 + cos πx)/2``.
"""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.training.schedule.method import ShapeMethod

VERSION = 1


class Cosine(ShapeMethod):
    """``end + (start - end)(1 + cos πx)/2``: flat at both ends."""

    method: Literal["cosine"] = "cosine"

    def curve(self, x: NDArray[np.float64], start: float, end: float) -> NDArray[np.float64]:
        """See ``ShapeMethod``."""
        return end + (start - end) * (1 + np.cos(math.pi * x)) / 2
