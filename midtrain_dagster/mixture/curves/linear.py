"""Straight lines from point to point: a share that rises or falls evenly."""

import numpy as np
from numpy.typing import NDArray

VERSION = 1


def at(
    progress: NDArray[np.float64], places: NDArray[np.float64], shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """As ``mixture.curve`` says."""
    return np.interp(progress, places, shares)


def bends(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """As ``mixture.curve`` says."""
    return places
