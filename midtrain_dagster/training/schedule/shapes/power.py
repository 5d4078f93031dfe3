"""A power of the tokens (Power Scheduler, Shen et al. 2024, arXiv 2408.13359, equation 4).

There the rate is ``β a nᵇ`` after n tokens, with b = -0.51 for batches of any size. Here it goes
through both ends of its phase, which says from which n on; at an exponent of 0.5 it is the inverse
square root.
"""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from midtrain_dagster.training.schedule.method import ShapeMethod

VERSION = 1


class Power(ShapeMethod):
    """``start (1 + x ((start / end)^(1 / exponent) - 1))^-exponent``."""

    method: Literal["power"] = "power"
    exponent: Annotated[float, Field(gt=0)] = 0.51
    """How fast it falls: the rate is as the tokens to this power, below one."""

    def curve(self, x: NDArray[np.float64], start: float, end: float) -> NDArray[np.float64]:
        """See ``ShapeMethod``."""
        times = (start / end) ** (1 / self.exponent)
        return start * (1 + x * (times - 1)) ** -self.exponent

    def check_end(self, end: float) -> None:
        """It never reaches 0."""
        if end == 0:
            raise ValueError("a power of the tokens never reaches 0: give a `to` above 0")
