"""Losses and scores along the way of each run: those of its milestones between those of its start
and its end.

Milestones are asked where the recipe says ``evaluation: {milestones: true}``. Their tables have
names of their own, so that whatever compares checkpoints reads what it always read.
"""

from collections.abc import Collection, Iterable

import polars as pl

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.evaluation.clean_part import losses_without
from midtrain_dagster.evaluation.harness import SCORES
from midtrain_dagster.evaluation.report_section import of_checkpoints

PREFIX = "milestone_"
"""Before the name of each table of a checkpoint (``scores``, ``runs``, ``by_item``), where it is
that of a milestone."""

CURVE = "curve"
"""The table of the points."""

POINTS = pl.Schema(
    {"checkpoint": pl.String, "run": pl.String, "step": pl.Int64, "tokens": pl.Int64}
)
"""A row for each point of each run. ``checkpoint`` is whose scores are meant: a checkpoint's name
at the run's start and end, else ``RUN@STEP``; ``step`` counts the run's updates until then,
``tokens`` what it was fed, with padding."""

CURVES = pl.Schema({**POINTS, **SCORES})
"""The scores of each point."""

_LOSSES = pl.Schema({"domain": pl.String, "loss": pl.Float64, "stderr": pl.Float64})

LOSS_CURVES = pl.Schema({**POINTS, **_LOSSES})
"""The held-out losses of each point."""


def learning_curves(evaluations: Iterable[Artifact]) -> pl.DataFrame:
    """The scores of every point of every run (``CURVES``), by benchmark and metric in the order of
    the evaluations, then by run and step; empty where no milestone was asked."""
    every = [CURVES.to_frame(), *(curve for each in evaluations for curve in _curves(each))]
    return pl.concat(every)


def _curves(evaluation: Artifact) -> list[pl.DataFrame]:
    if not evaluation.has(CURVE):
        return []
    points = evaluation.read(CURVE).with_row_index("place")
    scores = pl.concat(
        [of_checkpoints([evaluation], f"{prefix}scores", SCORES) for prefix in ("", PREFIX)]
    )
    metrics = scores["metric"].unique(maintain_order=True)
    order = pl.DataFrame({"metric": metrics}).with_row_index("metric_place")
    joined = points.join(scores, on="checkpoint").join(order, on="metric")
    return [joined.sort("metric_place", "place").select(CURVES.names()).cast(CURVES)]


def loss_curves(held_out: Artifact, leaked: Collection[str] = ()) -> pl.DataFrame:
    """The held-out losses of every point of every run (``LOSS_CURVES``), without the documents that
    ``leaked``, by domain, run and step; empty where no milestone was asked."""
    if not held_out.has(CURVE):
        return LOSS_CURVES.to_frame()
    points = held_out.read(CURVE).with_row_index("place")
    read = [held_out.read(f"{prefix}losses_by_document") for prefix in ("", PREFIX)]
    losses = losses_without(pl.concat(read), leaked)
    domains = losses.select("domain").unique(maintain_order=True).with_row_index("domain_place")
    joined = points.join(losses, on="checkpoint").join(domains, on="domain")
    known = joined.filter(pl.col("loss").is_not_null()).sort("domain_place", "place")
    return known.select(LOSS_CURVES.names()).cast(LOSS_CURVES)
