"""Where the runs of a recipe can be measured on their way: at their start, milestones and end.

A milestone is no checkpoint of the graph, but holds a whole model. It is called ``RUN@STEP``
(``runs.at_step``); a point of a curve says which tokens its run was fed until then.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from midtrain_dagster.training.retention import keeps_milestones, milestones, step_of_milestone
from midtrain_dagster.training.runs import Run, at_step
from midtrain_dagster.training.stage import RANDOM


class CurvePoint(NamedTuple):
    """A model on the way of a run."""

    checkpoint: str
    """Its name: a checkpoint's, at the run's start and end, else that of a milestone."""
    run: str
    step: int
    """Updates of this run until then, 0 at its start."""
    tokens: int
    """What the run was fed until then, with padding."""


def curve_points(runs: Iterable[Run]) -> list[CurvePoint]:
    """The points of every run that keeps milestones, each run's in order. Its end is one of them,
    and its start where that is a checkpoint."""
    by_name = {run.name: run for run in runs}
    kept = (run for run in by_name.values() if keeps_milestones(run.stage))
    return [point for run in kept for point in _points(run, by_name)]


def _points(run: Run, by_name: dict[str, Run]) -> Iterator[CurvePoint]:
    stage, number = run.stage, run.stage.milestone
    if run.start != RANDOM:
        start = run.start
        if number is not None:
            start = at_step(start, step_of_milestone(by_name[start].stage, number))
        yield CurvePoint(start, run.name, 0, 0)
    for step in milestones(stage):
        tokens = stage.batches.tokens_before(step)
        yield CurvePoint(at_step(run.name, step), run.name, step, tokens)
    yield CurvePoint(run.name, run.name, stage.steps, stage.batches.tokens)
