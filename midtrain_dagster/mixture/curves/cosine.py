"""Half a cosine from point to point: a share that leaves and arrives gently."""

import numpy as np
from numpy.typing import NDArray

VERSION = 1

BETWEEN = 16
"""Places between two points at which sums are looked at."""


def at(
    progress: NDArray[np.float64], places: NDArray[np.float64], shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """As ``mixture.curve`` says."""
    run = np.interp(progress, places, np.arange(len(places)))
    first = np.minimum(run.astype(np.int64), max(0, len(places) - 2))
    second = np.minimum(first + 1, len(places) - 1)
    part = (1 - np.cos(np.pi * (run - first))) / 2
    return shares[first] + (shares[second] - shares[first]) * part


def bends(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """As ``mixture.curve`` says."""
    every = np.arange((len(places) - 1) * BETWEEN + 1) / BETWEEN
    return np.interp(every, np.arange(len(places)), places)
