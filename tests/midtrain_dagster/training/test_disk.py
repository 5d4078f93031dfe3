"""What a stage takes of the disk, against what it has really left there."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from midtrain_dagster.core.room import FullDiskError
from midtrain_dagster.training.disk import check_disk, checkpoint_bytes, checkpoints_at_once
from midtrain_dagster.training.job import Job

Make = Callable[..., Job]


def test_checkpoint_bytes_are_those_of_a_checkpoint(job: Make, base: Path) -> None:
    files = ("model.safetensors", "optimizer.safetensors")
    found = sum((base / name).stat().st_size for name in files)
    assert checkpoint_bytes(job()) == pytest.approx(found, rel=0.1)


def test_checkpoints_at_once_are_the_kept_one_more_and_the_milestones(job: Make) -> None:
    assert checkpoints_at_once(job()) == 3
    constant = [{"phase": "constant", "learning_rate": 1e-3}]
    assert checkpoints_at_once(job(tokens=256, schedule=constant)) == 1
    kept = {"keep_last": 4, "milestones": 512}
    assert checkpoints_at_once(job(checkpoints=kept)) == 5 + 3  # of 8 steps after 2, 4, 6


def test_check_disk_counts_what_is_there_already(
    job: Make, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = job()
    free = 2 * checkpoint_bytes(told)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    run = tmp_path / "base-1"
    with pytest.raises(FullDiskError, match=r"base-1: base: training writes 3 checkpoints \(0.0"):
        check_disk(told, str(run))
    (run / "step-000003").mkdir(parents=True)
    check_disk(told, str(run))
    check_disk(told, "s3://bucket/base-1")
