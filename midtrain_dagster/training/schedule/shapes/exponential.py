"""Exponential: by the same factor with each token (survey, arXiv 2510.23081, Table 1)."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.training.schedule.method import ShapeMethod

VERSION = 1


class Exponential(ShapeMethod):
    """``start (end / start)^x``."""

    method: Literal["exponential"] = "exponential"

    def curve(self, x: NDArray[np.float64], start: float, end: float) -> NDArray[np.float64]:
        """See ``ShapeMethod``."""
        return start * (end / start) ** x

    def check_end(self, end: float) -> None:
        """It never reaches 0."""
        if end == 0:
            raise ValueError("an exponential decay never reaches 0: give a `to` above 0")
