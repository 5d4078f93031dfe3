"""One checkpoint's losses on held-out documents, by domain and by position, as a unit of work.

The checkpoint's folder and the held-out shards come as files.
"""

from pathlib import Path

import polars as pl

from midtrain_dagster.evaluation import held_out_loss, loss_by_position
from midtrain_dagster.models.attention import within
from midtrain_dagster.models.attention.carried import attend_by_documents
from midtrain_dagster.models.load import load_to_evaluate
from midtrain_dagster.tokens.splits import open_shards

VERSION = 3
"""3: layers that slide attend block by block, which changes last bits."""
USES = (held_out_loss, loss_by_position, within)


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
    position, tokens, loss, stderr), and of each document that was read ``losses_by_document`` and
    ``positions_by_document`` (``clean_part``). ``sequence_length`` is the window for the losses by
    domain; of ``domains``, those without a held-out document have no row.
    """
    opened, loaded = open_shards(shards, dtype=dtype), load_to_evaluate(model)
    # Long windows of layers that slide need no mask then; a model that cannot goes on with its own.
    attend_by_documents(loaded)
    by_domain = held_out_loss.held_out_loss(
        loaded,
        opened,
        domains=[domain for domain in domains if domain in opened.domains],
        sequence_length=sequence_length,
        max_tokens_per_domain=tokens_by_domain,
    )
    by_position = loss_by_position.loss_by_position(
        loaded, opened, length=length, bucket=bucket, documents=documents
    )
    name = pl.lit(checkpoint).alias("checkpoint")
    return {
        "losses": by_domain["losses"].select(name, pl.all()),
        "positions": by_position["positions"].select(name, pl.all()),
        "losses_by_document": by_domain["by_document"].select(name, pl.all()),
        "positions_by_document": by_position["by_document"].select(name, pl.all()),
    }
