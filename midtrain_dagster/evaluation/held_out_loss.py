"""Loss on held-out documents, domain by domain: what mid-training gained and what it cost.

Each document is scored from its start, in windows that follow one another: every token but the
document's first is predicted exactly once, from at most ``sequence_length`` tokens before it (the
*disjoint windows* of the perplexity literature). Sliding windows would give each token more
context at several times the cost; all checkpoints are read in the same way, so that differences
stand.

The standard error is that of a ratio of sums clustered by document (Miller, *Adding Error Bars to
Evals*, arXiv 2411.00640), since tokens of one document are far from independent.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from midtrain_dagster.evaluation.next_token import load_model, next_token_losses

if TYPE_CHECKING:
    from midtrain_dagster.tokens.shards import TokenShards

VERSION = 1

LOSSES = pl.Schema(
    {"domain": pl.String, "tokens": pl.Int64, "loss": pl.Float64, "stderr": pl.Float64}
)
"""``tokens`` are the tokens scored; ``loss`` is in nats per token, null where none was scored;
``stderr`` is null below two documents."""


def held_out_loss(
    model: Path,
    shards: "TokenShards",
    *,
    domains: Sequence[str] | None = None,
    sequence_length: int,
    max_tokens_per_domain: int,
) -> dict[str, pl.DataFrame]:
    """Mean loss of a Hugging Face folder on the documents of each domain.

    Documents are taken in the order of the index until ``max_tokens_per_domain`` tokens are
    scored; the last is cut there. ``domains`` defaults to all of the shards, sorted.

    Returns ``{"losses": one row per domain}`` (:data:`LOSSES`).

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
    checkpoint = load_model(model)
    rows = []
    for domain in chosen:
        windows, document_of = _windows(shards, domain, sequence_length, max_tokens_per_domain)
        losses = next_token_losses(checkpoint, windows)
        sums = np.array([part.sum(dtype=np.float64) for part in losses])
        counts = np.array([len(part) for part in losses], np.int64)
        loss, stderr = clustered_mean(sums, counts, document_of)
        rows.append({"domain": domain, "tokens": counts.sum(), "loss": loss, "stderr": stderr})
    return {"losses": pl.DataFrame(rows, schema=LOSSES)}


def clustered_mean(
    sums: np.ndarray, counts: np.ndarray, cluster: np.ndarray
) -> tuple[float | None, float | None]:
    """The mean of ``sum(sums) / sum(counts)`` and its standard error over clusters.

    ``sums`` and ``counts`` belong to pieces, ``cluster`` says to which cluster (any integers) each
    piece belongs. The error is null below two clusters; both are null where nothing was counted.
    """
    total = int(counts.sum()) if len(counts) else 0
    if not total:
        return None, None
    mean = float(sums.sum()) / total
    groups, inverse = np.unique(cluster, return_inverse=True)
    if len(groups) < 2:
        return mean, None
    residuals = np.bincount(inverse, sums - mean * counts)
    small_sample = len(groups) / (len(groups) - 1)
    return mean, float(np.sqrt(small_sample * np.square(residuals).sum()) / total)


def _windows(
    shards: "TokenShards", domain: str, length: int, limit: int
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
