"""Losses and scores on the part of a validation set, or of a benchmark, that was not trained on.

Every checkpoint is read once, whatever is found later to have leaked: what it made of each document
and of each item lies in the store, and here the figures of any part are computed of it. So a scan
that finds more costs no forward pass.
"""

from collections.abc import Collection

import numpy as np
import polars as pl

from midtrain_dagster.evaluation.clustered_mean import clustered_mean
from midtrain_dagster.evaluation.comparison import with_groups
from midtrain_dagster.evaluation.held_out_loss import LOSSES
from midtrain_dagster.evaluation.loss_by_position import POSITIONS, mean_by_position

CLEAN_SCORES = pl.Schema(
    {
        "checkpoint": pl.String,
        "benchmark": pl.String,
        "metric": pl.String,
        "items": pl.Int64,
        "value": pl.Float64,
        "clean_items": pl.Int64,
        "clean_value": pl.Float64,
        "clean_stderr": pl.Float64,
    }
)
"""A score on all items that were asked, beside that on those which were found nowhere (null where
none is left)."""

CHECKPOINT = pl.Schema({"checkpoint": pl.String})


def losses_without(by_document: pl.DataFrame, leaked: Collection[str]) -> pl.DataFrame:
    """The losses by checkpoint and domain (``LOSSES``) of the documents that are not ``leaked``.

    ``by_document`` has a ``checkpoint`` beside the columns of ``held_out_loss.BY_DOCUMENT``. A
    domain of which nothing is left has a row without a loss.
    """
    rows = []
    for (checkpoint, domain), read in by_document.group_by(
        "checkpoint", "domain", maintain_order=True
    ):
        clean = read.filter(~pl.col("id").is_in(list(leaked)))
        counts = clean["tokens"].to_numpy()
        loss, stderr = clustered_mean(clean["nats"].to_numpy(), counts, np.arange(clean.height))
        rows.append((checkpoint, domain, int(counts.sum()), loss, stderr))
    return pl.DataFrame(rows, schema={**CHECKPOINT, **LOSSES}, orient="row")


def positions_without(by_document: pl.DataFrame, leaked: Collection[str]) -> pl.DataFrame:
    """The losses by checkpoint and position (``POSITIONS``) of the documents not ``leaked``."""
    clean = by_document.filter(~pl.col("id").is_in(list(leaked)))
    means = [
        mean_by_position(read).select(pl.lit(checkpoint, pl.String).alias("checkpoint"), pl.all())
        for (checkpoint,), read in clean.group_by("checkpoint", maintain_order=True)
    ]
    return pl.concat([pl.DataFrame(schema={**CHECKPOINT, **POSITIONS}), *means])


def clean_scores(
    by_item: pl.DataFrame, found: pl.DataFrame, groups: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The scores (``CLEAN_SCORES``) of benchmarks of which an item that was asked was ``found``.

    ``by_item`` has a ``checkpoint`` beside the columns of ``harness.BY_ITEM``; ``found`` has
    benchmark and item; ``groups`` are those of items that belong together (``GROUPS``).
    """
    marked = (
        with_groups(by_item, groups)
        .join(
            found.select("benchmark", "item").unique().with_columns(is_found=pl.lit(True)),
            on=["benchmark", "item"],
            how="left",
            maintain_order="left",
        )
        .with_columns(pl.col("is_found").fill_null(False))
    )
    rows = []
    for names, every in marked.group_by("checkpoint", "benchmark", "metric", maintain_order=True):
        clean = every.filter(~pl.col("is_found"))
        if clean.height < every.height:
            value, _ = _ratio(every)
            rows.append((*names, every.height, value, clean.height, *_ratio(clean)))
    return pl.DataFrame(rows, schema=CLEAN_SCORES, orient="row")


def _ratio(items: pl.DataFrame) -> tuple[float | None, float | None]:
    """The score of items, and its standard error."""
    sums, counts = items["sum"].to_numpy(), items["count"].to_numpy()
    return clustered_mean(sums, counts, items["group"].to_numpy())
