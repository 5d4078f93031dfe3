"""A 64-bit hash of each id of a column, compiled: what `draws.uniform` draws by."""

import numpy as np
import polars as pl

from midtrain_dagster.core.jit import jit
from midtrain_dagster.core.text_buffer import text_buffer


def id_hashes(ids: pl.Series, seed: int) -> np.ndarray:
    """The hash of each id under a seed: uint64. Raises ValueError if an id is null."""
    text = text_buffer(ids)
    return _hashes(text.buffer, text.offsets, np.uint64(seed))


@jit
def _hashes(buffer, bounds, seed):  # type: ignore[no-untyped-def]
    """FNV-1a from a mixed seed, then SplitMix64's finaliser (Steele et al. 2014)."""
    hashes = np.empty(bounds.size - 1, np.uint64)
    for document in range(bounds.size - 1):
        state = np.uint64(0xCBF29CE484222325) + seed * np.uint64(0x9E3779B97F4A7C15)
        for position in range(bounds[document], bounds[document + 1]):
            state = (state ^ np.uint64(buffer[position])) * np.uint64(0x100000001B3)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        hashes[document] = state ^ (state >> np.uint64(31))
    return hashes
