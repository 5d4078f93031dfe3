"""Loss by position in the window: whether a model uses a long context or breaks beyond its own.

Each document is read from its start in one window of ``length`` tokens, also where that is more
than the checkpoint was trained for: a base model's curve then rises past its length, and an
extended model's must go on falling. A falling curve shows that distant context is used at all;
it does not show that it is used well (ProLong, arXiv 2410.02660: perplexity alone must not gate an
extension).

All buckets hold the same documents, so the curve is not bent by what kind of document is long.
"""

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from midtrain_dagster.evaluation import next_token
from midtrain_dagster.evaluation.next_token import next_token_losses
from midtrain_dagster.tokens.shards import TokenShards

if TYPE_CHECKING:
    from transformers import PreTrainedModel

VERSION = 1
USES = (next_token,)

POSITIONS = pl.Schema(
    {"position": pl.Int64, "tokens": pl.Int64, "loss": pl.Float64, "stderr": pl.Float64}
)
"""``position`` is the bucket's first position (tokens from the document's start), ``tokens`` those
scored in it, ``loss`` nats per token, ``stderr`` over documents (null below two)."""

BY_DOCUMENT = pl.Schema(
    {"id": pl.String, "position": pl.Int64, "tokens": pl.Int64, "loss": pl.Float64}
)
"""A row a document and bucket: ``tokens`` are those scored in it, ``loss`` is their mean."""


def loss_by_position(
    model: "PreTrainedModel", shards: TokenShards, *, length: int, bucket: int, documents: int
) -> dict[str, pl.DataFrame]:
    """The loss in buckets of ``bucket`` positions, over documents of at least ``length`` tokens.

    The first ``documents`` such documents of the index are read. Position 0 has nothing before it
    and is not scored, so the first bucket holds one token less per document; the last may be
    shorter.

    Returns ``positions``, one row per bucket (:data:`POSITIONS`), and ``by_document``
    (:data:`BY_DOCUMENT`); no rows where no document is that long.

    Raises:
        ValueError: a parameter is too small.
    """
    if length < 2 or bucket < 1 or documents < 1:
        raise ValueError("length must be at least 2, bucket and documents at least 1")
    long = np.flatnonzero(np.asarray(shards.lengths) >= length)[:documents]
    if not len(long):
        return {"positions": POSITIONS.to_frame(), "by_document": BY_DOCUMENT.to_frame()}
    windows = [shards.tokens(int(document), 0, length) for document in long]
    losses = np.stack(next_token_losses(model, windows)).astype(np.float64)
    bucket_of = np.arange(1, length) // bucket
    edges = np.flatnonzero(np.diff(bucket_of, prepend=-1))
    sizes = np.diff(edges, append=length - 1)
    means = np.add.reduceat(losses, edges, axis=1) / sizes
    by_document = pl.DataFrame(
        {
            "id": np.repeat(shards.ids.gather(long).to_numpy(), len(sizes)),
            "position": np.tile(bucket_of[edges] * bucket, len(long)),
            "tokens": np.tile(sizes, len(long)),
            "loss": means.ravel(),
        },
        schema=BY_DOCUMENT,
    )
    return {"positions": mean_by_position(by_document), "by_document": by_document}


def mean_by_position(by_document: pl.DataFrame) -> pl.DataFrame:
    """The mean loss of each bucket (``POSITIONS``) of a table ``BY_DOCUMENT``."""
    return (
        by_document.group_by("position", maintain_order=True)
        .agg(
            pl.col("tokens").sum(),
            pl.col("loss").mean(),
            stderr=pl.col("loss").std() / pl.len().sqrt(),
        )
        .cast(POSITIONS)
    )


BEYOND = pl.Schema(
    {"checkpoint": pl.String, "position": pl.Int64, "loss": pl.Float64, "stderr": pl.Float64}
)
"""``position`` is the first that counts, ``loss`` the mean over all tokens from there on."""


def loss_beyond(positions: pl.DataFrame, length: int) -> pl.DataFrame:
    """Each checkpoint's mean loss beyond ``length`` tokens (``BEYOND``), in the order they come.

    ``positions`` has a ``checkpoint`` beside the columns of ``POSITIONS``. A bucket that begins
    before ``length`` is left out. All buckets hold the same documents, so their errors do not
    average out: the standard error is given as its upper bound, the mean of the buckets' own.
    Without a bucket beyond, there are no rows.
    """
    weight = pl.col("tokens") / pl.col("tokens").sum()
    return (
        positions.filter(pl.col("position") >= length)
        .group_by("checkpoint", maintain_order=True)
        .agg(
            pl.col("position").min(),
            loss=(pl.col("loss") * weight).sum(),
            # A sum leaves out what is null: with one document there is no error to estimate.
            stderr=pl.when(pl.col("stderr").null_count() == 0).then(
                (pl.col("stderr") * weight).sum()
            ),
        )
        .select(BEYOND.names())
        .cast(BEYOND)
    )
