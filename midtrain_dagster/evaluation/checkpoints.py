"""One checkpoint's measures, as units of work: the folder and the held-out shards come as files."""

from pathlib import Path

import polars as pl

from midtrain_dagster.evaluation import held_out_loss as losses
from midtrain_dagster.evaluation import loss_by_position as positions
from midtrain_dagster.tokens.splits import open_shards

VERSION = losses.VERSION + positions.VERSION


def measure(
    *,
    model: Path,
    shards: Path,
    dtype: str,
    checkpoint: str,
    domains: list[str],
    sequence_length: int,
    tokens_by_domain: int,
    length: int,
    bucket: int,
    documents: int,
) -> dict[str, pl.DataFrame]:
    """Held-out loss by domain and loss by position of one checkpoint.

    Returns ``losses`` (checkpoint, domain, tokens, loss, stderr) and ``positions`` (checkpoint,
    position, tokens, loss, stderr). ``sequence_length`` is the window for the losses by domain;
    of ``domains``, those without a held-out document have no row.
    """
    opened = open_shards(shards, dtype=dtype)
    by_domain = losses.held_out_loss(
        model,
        opened,
        domains=[domain for domain in domains if domain in opened.domains],
        sequence_length=sequence_length,
        max_tokens_per_domain=tokens_by_domain,
    )
    by_position = positions.loss_by_position(
        model, opened, length=length, bucket=bucket, documents=documents
    )
    name = pl.lit(checkpoint).alias("checkpoint")
    return {
        "losses": by_domain["losses"].select(name, pl.all()),
        "positions": by_position["positions"].select(name, pl.all()),
    }
