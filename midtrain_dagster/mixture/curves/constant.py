"""Steps: each share holds from its place until the next one's."""

import numpy as np
from numpy.typing import NDArray

VERSION = 1


def at(
    progress: NDArray[np.float64], places: NDArray[np.float64], shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """As ``mixture.curve`` says."""
    return shares[np.maximum(np.searchsorted(places, progress, side="right") - 1, 0)]


def bends(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """As ``mixture.curve`` says: before a step, too, there is a sum to be looked at."""
    return np.concatenate([np.nextafter(places[1:], 0), places])
