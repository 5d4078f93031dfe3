"""What every shape of a decay offers."""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.core.frozen_model import FrozenModel


class ShapeMethod(FrozenModel):
    """A way from one learning rate to a lower one."""

    @abstractmethod
    def curve(self, x: NDArray[np.float64], start: float, end: float) -> NDArray[np.float64]:
        """The learning rate at progress ``x`` in [0, 1), any shape of array."""

    def check_end(self, end: float) -> None:
        """Raise ``ValueError`` for an end that this shape never reaches."""
