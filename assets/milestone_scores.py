"""Milestones of runs, asked as checkpoints are where the recipe wants it."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.evaluation.learning_curves import POINTS
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.training.artifact import Checkpoint
from midtrain_dagster.training.curve_points import curve_points
from midtrain_dagster.training.retention import milestones, named
from midtrain_dagster.training.runs import at_step


@dataclass(frozen=True)
class Milestone:
    """A model that a run leaves on its way."""

    run: str
    step: int

    @property
    def name(self) -> str:
        """What it is called where checkpoints are named."""
        return at_step(self.run, self.step)

    def files(self, run: Artifact) -> list[Part]:
        """The files of its model, of its run's artifact. Raises ``KeyError`` where that was made
        before it kept this milestone."""
        checkpoint, label = Checkpoint(run), named(self.step)
        for part in checkpoint.milestones:
            if part.label == label:
                return checkpoint.at(part)
        raise KeyError(f"{self.run} keeps no milestone {label}: train it again")


def asked_milestones(recipe: Recipe) -> list[Milestone]:
    """The milestones that benchmarks are asked of, in order; none unless the recipe says so."""
    if not recipe.evaluation.milestones:
        return []
    return [Milestone(run.name, step) for run in recipe.runs() for step in milestones(run.stage)]


def as_cause(recipe: Recipe) -> Mapping[str, list[str]]:
    """What the milestones add to what an evaluation is made of."""
    asked = asked_milestones(recipe)
    return {"milestones": [each.name for each in asked]} if asked else {}


def points_table(recipe: Recipe) -> pl.DataFrame:
    """The points of all curves (``learning_curves.POINTS``)."""
    return pl.DataFrame(curve_points(recipe.runs()), schema=POINTS, orient="row")
