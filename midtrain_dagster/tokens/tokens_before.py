"""Tokens that documents have already, from the shard that their part had before.

A decision that changes (a near duplicate came, a member of a cluster went) makes the shard of its
part anew, and with part sizes of real corpora nearly every part has one such document a night. All
others of the part have the same text, the same edits and the same tokenizer, so their tokens are
copied and not made again. The outputs are those of an encoder, to the byte:
an id is a hash of the text, and a document counts only where its edits are what they were.

Its folder holds ``decisions.parquet``, the part's decisions of then, and the files of its shard.
"""

from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import polars as pl

from midtrain_dagster.tokens.kept_tokenizer import kept_tokenizer
from midtrain_dagster.tokens.shards import token_dtype

EFFORT = 1 / 16
"""How long a byte of a part takes beside one of curation, where its documents have their tokens."""

PLACE = pl.Schema({"id": pl.String, "offset": pl.UInt64, "length": pl.UInt32})


class TokensBefore(NamedTuple):
    """``tokens``, flat, and where those of each document stand in them (``PLACE``)."""

    tokens: np.ndarray
    places: pl.DataFrame

    @classmethod
    def read(cls, folder: Path, decisions: pl.DataFrame, *, tokenizer: Path) -> Self:
        """Those of a part whose decisions are now ``decisions`` (id, edits)."""
        dtype = token_dtype(kept_tokenizer(tokenizer).vocabulary)
        then = pl.read_parquet(folder / "decisions.parquet", columns=["id", "edits"])
        as_then = decisions.select("id", "edits").join(then, on="id", suffix="_then")
        as_then = as_then.filter(pl.col("edits").eq_missing(pl.col("edits_then")))
        flat, places, base = [], [], 0
        for split in ("train", "held_out"):
            tokens = np.fromfile(folder / f"{split}_tokens.bin", dtype)
            index = pl.read_parquet(folder / f"{split}_index.parquet", columns=list(PLACE))
            places.append(index.with_columns(pl.col("offset") + base))
            flat.append(tokens)
            base += len(tokens)
        # Copies have the id with a number behind it, which is nobody's own.
        kept = pl.concat(places).join(as_then, on="id", how="semi")
        return cls(np.concatenate(flat), kept.cast(PLACE))
