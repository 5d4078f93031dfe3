"""Loss on held-out documents, domain by domain: what mid-training gained and what it cost.

Each document is scored from its start, in windows that follow one another: every token but the
document's first is predicted exactly once, from at most ``sequence_length`` tokens before it (the
*disjoint windows* of the perplexity literature). Sliding windows would give each token more
context at several times the cost; all checkpoints are read in the same way, so that differences
stand.

The standard error is clustered by document (``clustered_mean.py``).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from midtrain_dagster.evaluation import clustered_mean as clusters
from midtrain_dagster.evaluation import next_token
from midtrain_dagster.evaluation.clustered_mean import clustered_mean
from midtrain_dagster.evaluation.next_token import next_token_losses
from midtrain_dagster.tokens.shards import TokenShards

if TYPE_CHECKING:
    from transformers import PreTrainedModel

VERSION = 1
USES = (next_token, clusters)

LOSSES = pl.Schema(
    {"domain": pl.String, "tokens": pl.Int64, "loss": pl.Float64, "stderr": pl.Float64}
)
"""``tokens`` are the tokens scored; ``loss`` is in nats per token, null where none was scored;
``stderr`` is null below two documents."""

BY_DOCUMENT = pl.Schema(
    {"domain": pl.String, "id": pl.String, "tokens": pl.Int64, "nats": pl.Float64}
)
"""A row a document that was read: the tokens scored, and the sum of their losses."""


def held_out_loss(
    model: "PreTrainedModel",
    shards: TokenShards,
    *,
    domains: Sequence[str] | None = None,
    sequence_length: int,
    max_tokens_per_domain: int,
) -> dict[str, pl.DataFrame]:
    """Mean loss of a model on the documents of each domain.

    Documents are taken in the order of the index until ``max_tokens_per_domain`` tokens are
    scored; the last is cut there. ``domains`` defaults to all of the shards, sorted.

    Returns ``losses``, one row per domain (:data:`LOSSES`), and ``by_document``
    (:data:`BY_DOCUMENT`), of which the losses of any part of the documents can be computed.

    Raises:
        ValueError: a domain that the shards do not have, or a limit below 1.
    """
    if sequence_length < 1 or max_tokens_per_domain < 1:
        raise ValueError("sequence_length and max_tokens_per_domain must be at least 1")
    chosen = sorted(shards.domains) if domains is None else list(domains)
    unknown = sorted(set(chosen) - set(shards.domains))
    if unknown:
        known = ", ".join(sorted(shards.domains))
        raise ValueError(
            f"held-out shards have no domain {', '.join(unknown)} (they have: {known})"
        )
    rows, read = [], [BY_DOCUMENT.to_frame()]
    for domain in chosen:
        windows, document_of = _windows(shards, domain, sequence_length, max_tokens_per_domain)
        losses = next_token_losses(model, windows)
        sums = np.array([part.sum(dtype=np.float64) for part in losses])
        counts = np.array([len(part) for part in losses], np.int64)
        loss, stderr = clustered_mean(sums, counts, document_of)
        rows.append({"domain": domain, "tokens": counts.sum(), "loss": loss, "stderr": stderr})
        pieces = pl.DataFrame({"document": document_of, "tokens": counts, "nats": sums})
        each = pieces.group_by("document", maintain_order=True).sum()
        read.append(
            each.select(
                pl.lit(domain).alias("domain"),
                shards.ids.gather(each["document"]).alias("id"),
                "tokens",
                "nats",
            ).cast(BY_DOCUMENT)
        )
    return {"losses": pl.DataFrame(rows, schema=LOSSES), "by_document": pl.concat(read)}


def _windows(
    shards: TokenShards, domain: str, length: int, limit: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Windows of up to ``length`` predictions, and the document that each belongs to."""
    windows: list[np.ndarray] = []
    document_of: list[int] = []
    left = limit
    for document in shards.documents_of(domain):
        predictions = min(int(shards.lengths[document]) - 1, left)
        if predictions > 0:
            tokens = shards.tokens(int(document), 0, predictions + 1)
            starts = range(0, predictions, length)
            # Neighbouring windows share a token: the last target is the next one's first input.
            windows.extend(tokens[start : start + length + 1] for start in starts)
            document_of.extend([int(document)] * len(starts))
            left -= predictions
        if not left:
            break
    return windows, np.array(document_of, np.int64)
