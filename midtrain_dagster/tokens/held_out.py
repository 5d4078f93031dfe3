"""Sets documents aside for validation, by a hash of their id: stateless, and stable as data grows.

A document's side never changes when others are added or removed, which a random sample would not
give. Near-duplicates must fall on the same side, or validation measures memory: pass the id of the
cluster (``duplicate_clusters.cluster``) for documents that are in one.
"""

from typing import overload

import polars as pl

from midtrain_dagster.core import draws

VERSION = 1
USES = (draws,)


@overload
def is_held_out(ids: pl.Series, share: float, seed: int) -> pl.Series: ...
@overload
def is_held_out(ids: pl.Expr, share: float, seed: int) -> pl.Expr: ...
def is_held_out(ids: pl.Series | pl.Expr, share: float, seed: int) -> pl.Series | pl.Expr:
    """Say of each id whether it is held out: true for ``share`` of them, on average.

    A larger share with the same seed holds out the same ids and more. Raises ValueError for a share
    outside [0, 1] and for a null id.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"the held-out share must lie in [0, 1], not {share}")
    if isinstance(ids, pl.Expr):
        return ids.map_batches(
            lambda series: is_held_out(series, share, seed), return_dtype=pl.Boolean
        )
    return pl.Series(ids.name, draws.shares(ids, seed) < share)
