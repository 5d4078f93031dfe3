"""A job says all that a worker needs, and says it as JSON."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from midtrain_dagster.training.job import Job


def test_job_travels_as_json(job: Callable[..., Job]) -> None:
    told = job()
    assert Job.model_validate(json.loads(json.dumps(told.model_dump(mode="json")))) == told


def test_job_plans_what_its_stage_says(job: Callable[..., Job]) -> None:
    told = job()
    shards = told.open_shards()
    plan = told.plan(shards)
    assert (plan.steps, plan.windows_per_step, plan.sequence_length) == (8, 8, 32)
    assert (plan.stage, plan.seed) == ("base", 5)
    assert len(shards) == 120


def test_job_starts_from_a_folder_or_at_random(job: Callable[..., Job], tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="a random start needs a model"):
        job({"model": None})
    with pytest.raises(ValidationError, match="starts from 'random', but start is"):
        job({"start": tmp_path})
    with pytest.raises(ValidationError, match="starts from 'base', but start is None"):
        job(start="base")
