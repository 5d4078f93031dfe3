"""Where a run can be measured on its way."""

from typing import Any

import pytest

from midtrain_dagster.training.curve_points import CurvePoint, curve_points
from midtrain_dagster.training.runs import runs
from midtrain_dagster.training.scale import Scale
from midtrain_dagster.training.stages.train import Train

STAGE: dict[str, Any] = {
    "start": "base",
    "tokens": 1000,
    "batch_tokens": 100,
    "sequence_length": 10,
    "schedule": [{"phase": "constant", "learning_rate": 1e-3}],
    "mixture": {"domains": {"web": 1.0}},
}


def points(**stages: dict[str, Any]) -> list[CurvePoint]:
    every = {name: Train.model_validate(STAGE | fields) for name, fields in stages.items()}
    return curve_points(runs(every, Scale(), seed=1))


def test_points_are_the_start_the_milestones_and_the_end_of_each_run() -> None:
    kept = {"checkpoints": {"milestones": 350}}
    first = kept | {"control": {"mixture": {"domains": {"web": 1.0}}}}
    found = points(first=first, none={"start": "first"})
    assert found[:4] == [
        CurvePoint("base", "first", 0, 0),
        CurvePoint("first@4", "first", 4, 400),
        CurvePoint("first@7", "first", 7, 700),
        CurvePoint("first", "first", 10, 1000),
    ]
    assert [point.checkpoint for point in found[4:]] == [
        "base",
        "first/control@4",
        "first/control@7",
        "first/control",
    ]


def test_points_begin_where_their_run_does() -> None:
    kept = {"checkpoints": {"milestones": 350, "moments": True}}
    found = points(base=kept | {"start": "random"}, second=kept | {"milestone": 2})
    assert [(point.checkpoint, point.step) for point in found] == [
        *(("base@4", 4), ("base@7", 7), ("base", 10)),
        *(("base@7", 0), ("second@4", 4), ("second@7", 7), ("second", 10)),
    ]


@pytest.mark.parametrize("kept", [None, 1000, 2000])
def test_a_run_without_milestones_before_its_end_has_no_curve(kept: int | None) -> None:
    assert points(first={"checkpoints": {"milestones": kept}}) == []
