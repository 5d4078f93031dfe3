"""A random number for each document that depends on its id and a seed, and on nothing else.

Whoever draws by it (a held-out tenth, a sample for a judge, a random choice to a budget) gets the
same documents in any order and any division into parts, and keeps them when others are added.
"""

import numpy as np
import polars as pl

from midtrain_dagster.core.jit import jit
from midtrain_dagster.curation.text.characters import text_buffer


def draws(ids: pl.Series, seed: int) -> np.ndarray:
    """A number strictly between 0 and 1 for each id: float64.

    Raises ValueError if an id is null.
    """
    text = text_buffer(ids)
    hashes = _hashes(text.buffer, text.offsets, np.uint64(seed))
    return (hashes >> np.uint64(12)) / 2.0**52 + 2.0**-53


def drawn(documents: pl.DataFrame, *, count: int, seed: int) -> dict[str, pl.DataFrame]:
    """The ``count`` documents of a table that are drawn first. Any columns beside id.

    Returns ``{"drawn": df}`` with the same columns, in the order drawn. What is drawn from the
    drawn of all parts is what would be drawn from the whole corpus.
    """
    order = documents.select("id", draw=draws(documents["id"], seed)).with_row_index("row")
    rows = order.sort("draw", "id").head(count)["row"]
    return {"drawn": documents[rows]}


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
