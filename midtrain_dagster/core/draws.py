"""Draws by hash: who is held out, sampled, planted or comes first, without any state.

What is drawn depends on a name and a seed and on nothing else. So the same documents are drawn in
any order and any division into parts, and they stay drawn when others are added. NumPy's generators
may change between its versions; these cannot.

There are several functions because each has drawn already: another hash behind one of them would
change every sample, split and order that was ever made with it.

=========  ==============================  ======================================================
function   of                              gives
=========  ==============================  ======================================================
uniform    a column of ids and a seed      a number in (0, 1) for each, compiled: 20 ns a document
shares     a column of ids and a seed      a number in [0, 1) for each, for held-out documents
place      a name and a seed               its place in a random order, as a whole number
key        strings and numbers             64 bits that start a permutation
=========  ==============================  ======================================================

A new method takes ``uniform`` for columns and ``place`` for single names.
"""

import json
from hashlib import blake2b
from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field

VERSION = 1

Seed = Annotated[int, Field(ge=0, lt=2**63)]
"""A seed as recipes have it: what PyTorch's generators and these draws alike can start from."""


def uniform(ids: pl.Series, seed: int) -> np.ndarray:
    """A number strictly between 0 and 1 for each id: float64.

    Raises ValueError if an id is null.
    """
    from midtrain_dagster.core.id_hashes import id_hashes

    return (id_hashes(ids, seed) >> np.uint64(12)) / 2.0**52 + 2.0**-53


def first(documents: pl.DataFrame, *, count: int, seed: int) -> pl.DataFrame:
    """The ``count`` rows of a table that are drawn first, in that order; ``id`` is a column of it.

    What is drawn from the drawn of all parts is what would be drawn from the whole.
    """
    order = documents.select("id", draw=uniform(documents["id"], seed)).with_row_index("row")
    return documents[order.sort("draw", "id").head(count)["row"]]


def shares(ids: pl.Series, seed: int) -> np.ndarray:
    """A number in [0, 1) for each id: float64. What lies below a share is that share of all ids.

    Raises ValueError if an id is null.
    """
    if ids.null_count():
        raise ValueError(f"row {ids.is_null().arg_max()}: the id is null")
    keyed = blake2b(digest_size=8, key=seed.to_bytes(8, "little", signed=True))
    digests = []
    for identity in ids:
        digest = keyed.copy()
        digest.update(identity.encode())
        digests.append(digest.digest())
    # The upper 53 bits are exact as a double, so that a share of 1 takes everything.
    return (np.frombuffer(b"".join(digests), "<u8") >> np.uint64(11)) / float(1 << 53)


def place(name: str, seed: int, *, bits: int = 128) -> int:
    """The place of a name in a random order: a whole number of so many bits, 8 to 512."""
    digest = blake2b(f"{seed}/{name}".encode(), digest_size=bits // 8).digest()
    return int.from_bytes(digest, "big")


def key(*causes: str | int) -> int:
    """64 bits that are a function of the causes: where a stream of random numbers starts."""
    digest = blake2b(json.dumps(causes).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def folded(seed: int, bits: int) -> int:
    """A seed for a generator that takes no more than so many bits, at most 64: itself if it fits,
    else a hash of it."""
    return seed if seed < 1 << bits else key(seed) >> (64 - bits)
