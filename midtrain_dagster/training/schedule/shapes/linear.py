"""Linear: as much less with each token (survey, arXiv 2510.23081, Table 1)."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.training.schedule.method import ShapeMethod

VERSION = 1


class Linear(ShapeMethod):
    """``start - (start - end) x``; a warm-up rises by it too."""

    method: Literal["linear"] = "linear"

    def curve(self, x: NDArray[np.float64], start: float, end: float) -> NDArray[np.float64]:
        """See ``ShapeMethod``."""
        return start - (start - end) * x
