"""A worker's log in the folder of its run, be that on this machine or on an object store."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from midtrain_dagster.training.metrics.log import STEPS, TENSORBOARD, StepRecord, read_records
from midtrain_dagster.training.retention import latest_checkpoint
from midtrain_dagster.training.worker import _shared_log, _upload, local_folder


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_shared_log_goes_on_where_the_run_does(
    tmp_path: Path, scheme: str, record: StepRecord
) -> None:
    """A URI is treated as an object store: written here, copied there and back."""
    run = tmp_path / "runs" / "base"
    run.mkdir(parents=True)
    for number, (first, steps) in enumerate(((0, (0, 1, 2)), (2, (2, 3)))):
        local = tmp_path / f"worker-{number}" if scheme else None
        with _shared_log(f"{scheme}{run}", local, first) as (log, share):
            for step in steps:
                log.write(replace(record, step=step, loss=10.0 * number + step))
                share()
                assert read_records(f"{scheme}{run}")["step"][-1] == step
    assert sorted(path.name for path in run.iterdir()) == [STEPS, TENSORBOARD]
    records = read_records(f"{scheme}{run}")
    assert records["step"].to_list() == [0, 1, 2, 3]
    assert records["loss"].to_list() == [0, 1, 12, 13]
    assert len(list((run / TENSORBOARD).iterdir())) >= 1


def test_shared_log_is_kept_when_the_stage_fails(tmp_path: Path, record: StepRecord) -> None:
    run = tmp_path / "base"
    run.mkdir()
    with pytest.raises(RuntimeError, match="a step failed"):  # noqa: SIM117
        with _shared_log(f"file://{run}", tmp_path / "here", 0) as (log, _):
            log.write(record)
            raise RuntimeError("a step failed")
    assert read_records(run)["step"].to_list() == [0]


def test_local_folder_of_this_machine_is_used_where_it_lies(tmp_path: Path) -> None:
    assert local_folder(str(tmp_path)) == tmp_path


def test_upload_moves_a_checkpoint_into_the_folder_of_its_run(
    base: Path, tmp_path: Path, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    folder = Path(shutil.copytree(base, tmp_path / base.name))
    run = f"s3://midtrain/{tmp_path.name}/base-1"
    _upload(folder, run)
    assert not folder.exists()
    assert latest_checkpoint(run) == f"{run}/{base.name}"
