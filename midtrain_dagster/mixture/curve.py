"""What every curve of a share offers: how it goes from point to point over a stage.

A curve is one file in ``curves/``: its ``VERSION`` and two functions. ``at(progress, places,
shares)`` is the share at moments (in [0, 1], any shape) of a curve through points; before the
first and behind the last the share is theirs. ``bends(places)`` are the moments between which it
goes nearly straight: where it is enough to look at a sum of shares.
"""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.mixture.curves import constant, cosine, linear

Shape = Literal["linear", "constant", "cosine"]
"""What the curves are called in a recipe."""


class CurveModule(Protocol):
    """A file in ``curves/``."""

    VERSION: int
    __name__: str

    def at(
        self,
        progress: NDArray[np.float64],
        places: NDArray[np.float64],
        shares: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """The share at each moment."""
        ...

    def bends(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where to look at sums."""
        ...


CURVES: dict[Shape, CurveModule] = {"linear": linear, "constant": constant, "cosine": cosine}
