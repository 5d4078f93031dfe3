"""Candidate pairs of duplicates, from signatures alone: one cheap join a band, without any text.

Candidates are a pure function of the set of signatures: neither the order of the parts nor the
order in which documents came changes them. So a corpus that grew by parts has the candidates of
one that came at once, and only those that are new must be verified (`verification`).

A band needs 16 bytes a document to find the buckets that several documents share, then about 70 for
each document in one; the lazy table of signatures is read that way, one column at a time.
"""

import numpy as np
import polars as pl

VERSION = 1

PAIRS = pl.Schema(
    {
        "a": pl.String(),
        "b": pl.String(),
        "method": pl.String(),
        "text_a": pl.UInt64(),
        "text_b": pl.UInt64(),
    }
)
"""Two documents, a < b; ``method`` says how they are verified: "exact" on their whole normalised
texts, "minhash" on their shingles. The hashes of their texts say what was
compared: an id that comes back with another text makes another pair."""


def exact_pairs(signatures: pl.LazyFrame) -> dict[str, pl.DataFrame]:
    """Each document with the first, by id, of those that share its ``text_hash``.

    Input columns: id, text_hash. Returns ``{"pairs": PAIRS}``, in no order.
    """
    table = signatures.select("id", "text_hash")
    pairs = (
        table.join(_shared(table, "text_hash"), on="text_hash", how="semi")
        .select("text_hash", a=pl.col("id").min().over("text_hash"), b="id")
        .filter(pl.col("a") != pl.col("b"))
        .select("a", "b", method=pl.lit("exact"), text_a="text_hash", text_b="text_hash")
        .collect()
    )
    return {"pairs": pairs}


def band_pairs(
    signatures: pl.LazyFrame, *, bands: list[str], bucket_limit: int
) -> dict[str, pl.DataFrame]:
    """Documents that share a bucket of one of the bands.

    Input columns: id, text_hash, and the bands'. Of documents with the same ``text_hash`` only the
    first by id takes part. A bucket of up to ``bucket_limit`` gives every pair. In a larger one (a
    template, a licence) each document is paired with the ``bucket_limit / 2`` that follow by id, so
    it costs no square. Two duplicates are then missed only if all the buckets that they share are
    so large and no chain of verified neighbours joins them; what they have in common beyond the
    template puts them into smaller buckets of other bands.

    Returns ``{"pairs": PAIRS}``, each once, sorted by a and b.
    """
    return {"pairs": union([_pairs_of(signatures, band, bucket_limit) for band in bands])}


def _pairs_of(signatures: pl.LazyFrame, band: str, bucket_limit: int) -> pl.DataFrame:
    from midtrain_dagster.curation.duplicates.components import bucket_pairs

    table = signatures.select("id", "text_hash", bucket=band)
    members = (
        table.join(_shared(table, "bucket"), on="bucket", how="semi")
        .group_by("bucket", "text_hash")
        .agg(pl.col("id").min())
        .filter(pl.col("bucket").is_duplicated())
        .sort("bucket", "id")
        .collect()
    )
    rows = np.arange(members.height, dtype=np.uint32)
    a, b = bucket_pairs(members["bucket"].to_numpy(), rows, bucket_limit)
    ids, texts = members["id"], members["text_hash"]
    return pl.DataFrame(
        {
            "a": ids.gather(a),
            "b": ids.gather(b),
            "method": pl.repeat("minhash", a.size, dtype=pl.String, eager=True),
            "text_a": texts.gather(a),
            "text_b": texts.gather(b),
        }
    )


def _shared(table: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """The hashes that stand in a column more than once, read without any other column.

    NumPy sorts them five times faster than a hash table counts them.
    """
    hashes = np.sort(table.select(column).collect().to_series().drop_nulls().to_numpy())
    repeated = hashes[1:][hashes[1:] == hashes[:-1]]
    return pl.LazyFrame({column: np.unique(repeated)}, schema={column: pl.UInt64})


def union(pairs: list[pl.DataFrame]) -> pl.DataFrame:
    """The pairs of all tables, each once, sorted by a and b."""
    return pl.concat([PAIRS.to_frame(), *pairs]).unique(["a", "b"]).sort("a", "b")
