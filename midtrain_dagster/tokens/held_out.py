"""Sets documents aside for validation, by a hash of their id: stateless, and stable as data grows.

A document's side never changes when others are added or removed, which a random sample would not
give. Near-duplicates must fall on the same side, or validation measures memory: pass the id of the
cluster (``duplicate_clusters.cluster``) for documents that are in one.
"""

from hashlib import blake2b
from typing import overload

import numpy as np
import polars as pl

VERSION = 1


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
    if ids.null_count():
        raise ValueError(f"row {ids.is_null().arg_max()}: the id is null")
    keyed = blake2b(digest_size=8, key=seed.to_bytes(8, "little", signed=True))
    digests = []
    for identity in ids:
        digest = keyed.copy()
        digest.update(identity.encode())
        digests.append(digest.digest())
    # The upper 53 bits are exact as a double, so that a share of 1 holds out everything.
    uniform = (np.frombuffer(b"".join(digests), "<u8") >> np.uint64(11)) / float(1 << 53)
    return pl.Series(ids.name, uniform < share)
