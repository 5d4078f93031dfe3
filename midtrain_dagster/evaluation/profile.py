"""What a checkpoint is able to do: its benchmarks' figures, by the ability that they measure.

An ability's figure is the plain mean over its benchmarks, large and small ones alike (a macro
average), and its error that of the mean of independent figures: what one benchmark's items say is
no part of another's. Accuracies and bits per byte are two profiles and are never mixed. Abilities
are in the words of the survey's Table 2 (*LLM Mid-Training*, arXiv 2510.23081), as presets have
them.
"""

from collections.abc import Mapping

import polars as pl

from midtrain_dagster.evaluation.method import ACCURACY, BITS

VERSION = 1

NOT_SAID = "no ability said"
"""The row of benchmarks of which neither a preset nor the recipe says what they measure."""

PROFILE = pl.Schema(
    {
        "ability": pl.String(),
        "checkpoint": pl.String(),
        "unit": pl.String(),
        "benchmarks": pl.List(pl.String()),
        "items": pl.Int64(),
        "value": pl.Float64(),
        "stderr": pl.Float64(),
        "chance": pl.Float64(),
    }
)
"""A row an ability, checkpoint and unit: an accuracy, or ``BITS``. ``stderr`` and ``chance`` are
null where one of the benchmarks has none."""


def profile(scores: pl.DataFrame, abilities: Mapping[str, str | None]) -> pl.DataFrame:
    """The abilities (``PROFILE``) of checkpoints, in the order of benchmarks and checkpoints.

    ``scores`` have a ``checkpoint`` beside ``harness.SCORES``; ``abilities`` are by benchmark. A
    figure that one of the checkpoints lacks has no part in any.
    """
    figures = scores.filter(
        (pl.col("headline") & (pl.col("unit") == ACCURACY)) | (pl.col("unit") == BITS),
        pl.col("value").is_not_null(),
    )
    everywhere = pl.col("checkpoint").n_unique().over("benchmark", "metric")
    shared = figures.filter(everywhere == figures["checkpoint"].n_unique())
    named = {name: ability or NOT_SAID for name, ability in abilities.items()}
    return (
        shared.with_columns(
            pl.col("benchmark").replace(named).alias("ability"),
            pl.col("stderr").is_null().alias("no_error"),
            pl.col("chance").is_null().alias("no_chance"),
        )
        .group_by("ability", "checkpoint", "unit", maintain_order=True)
        .agg(
            pl.col("benchmark").alias("benchmarks"),
            pl.col("items").sum(),
            pl.col("value").mean(),
            pl.when(~pl.col("no_error").any())
            .then((pl.col("stderr") ** 2).sum().sqrt() / pl.len())
            .alias("stderr"),
            pl.when(~pl.col("no_chance").any()).then(pl.col("chance").mean()).alias("chance"),
        )
        .sort(pl.col("ability") == NOT_SAID, maintain_order=True)
        .select(PROFILE.names())
        .cast(PROFILE)
    )
