"""A stage under a real Ray Train: the same bytes as the plain loop, and resumed after a kill."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest
import ray
import ray.train

from midtrain_dagster.training import fit as fit_module
from midtrain_dagster.training.fit import TooFewResourcesError, fit, run_folder
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
from midtrain_dagster.training.metrics.log import LOG, TENSORBOARD, StepRecord, read_records
from midtrain_dagster.training.ray_private import is_lost
from midtrain_dagster.training.step.failures import NonFiniteLossError

Make = Callable[..., Job]


def assert_same_bytes(one: Path, other: Path) -> None:
    assert {file.name for file in one.iterdir()} == {file.name for file in other.iterdir()}
    for file in one.iterdir():
        assert file.read_bytes() == (other / file.name).read_bytes(), file.name


@pytest.mark.parametrize("in_process", [True, False])
@pytest.mark.usefixtures("on_ray")
def test_fit_equals_the_plain_loop_and_is_not_run_twice(
    job: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_process: bool
) -> None:
    told = job(tokens=100 * 256, checkpoint_every=60)
    told_steps: list[int] = []
    monkeypatch.setattr(fit_module, "PROGRESS_INTERVAL", 0.02)
    handler = signal.getsignal(signal.SIGINT)

    def note(record: StepRecord) -> None:
        told_steps.append(record.step)

    result = fit(
        told,
        storage_path=tmp_path,
        run_name="base-1",
        threads=1,
        in_process=in_process,
        on_step=note,
    )
    assert_same_bytes(result.checkpoint, train(told, output=tmp_path / "plain"))
    assert result.checkpoint.name == "step-000100"
    assert result.log["step"].to_list() == list(range(100))
    assert result.log.schema == LOG
    assert result.run_folder == run_folder(tmp_path, "base-1") == str(tmp_path / "base-1")
    records = read_records(result.run_folder)
    assert records.select(LOG.names()).equals(result.log)
    assert records["tokens_per_second"].min() > 0  # type: ignore[operator]
    (events,) = (tmp_path / "base-1" / TENSORBOARD).iterdir()
    assert events.stat().st_size > 100 * 50

    assert told_steps[-1] == 99
    assert len(told_steps) > 2, "progress must come while it runs"
    assert told_steps == sorted(set(told_steps))
    assert signal.getsignal(signal.SIGINT) is handler
    assert not fit_module.ENVIRONMENT.keys() & os.environ.keys()
    folders = sorted(path.name for path in (tmp_path / "base-1").glob("step-*"))
    assert folders == ["step-000060", "step-000100"]

    again: list[int] = []
    finished = fit(
        told,
        storage_path=tmp_path,
        run_name="base-1",
        on_step=lambda record: again.append(record.step),
    )
    assert finished.checkpoint == result.checkpoint
    assert finished.log.equals(result.log)
    assert again == []


@pytest.mark.parametrize("in_process", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.usefixtures("on_ray")
def test_fit_fails_with_the_error_of_the_loop(job: Make, tmp_path: Path, in_process: bool) -> None:
    told = job(schedule=[{"phase": "constant", "learning_rate": 1e30}])
    with pytest.raises(NonFiniteLossError, match=r"base, step 1: .* its documents: document-"):
        fit(told, storage_path=tmp_path, run_name="broken", in_process=in_process)


@pytest.mark.parametrize("lacking", [{"workers": 3}, {"accelerator": "gpu"}])
@pytest.mark.usefixtures("on_ray")
def test_fit_does_not_wait_for_what_ray_has_not(
    job: Make, tmp_path: Path, lacking: dict[str, Any]
) -> None:
    kind = "GPU each, but Ray has 0" if "accelerator" in lacking else "CPU each, but Ray has 2"
    with pytest.raises(TooFewResourcesError, match=f"base: . workers need a {kind}: lower"):
        fit(job(**lacking), storage_path=tmp_path, run_name="waiting")


def kill_a_worker(run: Path) -> threading.Thread:
    """Waits for a checkpoint in the folder of a run, and kills one of this process's workers."""

    def kill() -> None:
        while not list(run.glob("step-*")):
            time.sleep(0.02)
        workers = [
            process
            for process in psutil.Process().children(recursive=True)
            if "RayTrainWorker" in " ".join(process.cmdline())
        ]
        workers[-1].kill()

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


@pytest.mark.slow
@pytest.mark.usefixtures("on_ray")
def test_fit_loses_a_worker_and_the_steps_since_the_last_checkpoint(
    job: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stage = {"tokens": 120 * 256, "checkpoint_every": 25}
    killer = kill_a_worker(tmp_path / "lost")
    two = job(**stage, workers=2, restarts=1)
    result = fit(two, storage_path=tmp_path, run_name="lost", threads=1)
    killer.join()
    assert "lost: a worker was lost" in caplog.text
    assert result.log["step"].to_list() == list(range(120))
    assert read_records(result.run_folder).select(LOG.names()).equals(result.log)
    undisturbed = fit(job(**stage, workers=2), storage_path=tmp_path, run_name="two", threads=1)
    assert_same_bytes(result.checkpoint, undisturbed.checkpoint)
    # Two workers train the model that one would.
    plain = pl.read_ndjson(train(job(**stage), output=tmp_path / "plain") / "log.jsonl")
    assert (result.log["loss"] - plain["loss"]).abs().max() < 1e-3  # type: ignore[operator]

    killer = kill_a_worker(tmp_path / "stopped")
    with pytest.raises(ray.train.WorkerGroupError):
        fit(job(**stage), storage_path=tmp_path, run_name="stopped", threads=1)
    killer.join()


DRIVER = """
import sys, ray
from midtrain_dagster.training.fit import fit
from midtrain_dagster.training.job import Job

in_process = sys.argv[3] == "in process"
if not in_process:
    ray.init("local", num_cpus=1, include_dashboard=False, object_store_memory=100 * 2**20)
job = Job.model_validate_json(sys.argv[1])
fit(job, storage_path=sys.argv[2], run_name="base", threads=1, in_process=in_process)
assert ray.is_initialized() is not in_process
"""


@pytest.mark.slow
@pytest.mark.parametrize("where", ["in process", "worker"])
@pytest.mark.usefixtures("on_ray")
def test_fit_of_a_killed_stage_goes_on_from_its_last_whole_checkpoint(
    job: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    told = job(tokens=1000 * 256, checkpoint_every=200)
    output = tmp_path / "driver.log"
    with output.open("wb") as stream:
        driver = subprocess.Popen(
            [sys.executable, "-c", DRIVER, told.model_dump_json(), str(tmp_path), where],
            stdout=stream,
            stderr=stream,
        )
    deadline = time.monotonic() + 120
    # The next is begun once the one before it is whole.
    while not (tmp_path / "base" / "step-000600").exists():
        assert driver.poll() is None, output.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    time.sleep(2)
    reached = max((tmp_path / "base").glob("step-*"))
    assert reached.name < "step-001000"
    (reached / "model.safetensors").write_bytes(b"torn")

    first: list[int] = []

    def note(record: StepRecord) -> None:
        first.append(record.step)

    result = fit(
        told,
        storage_path=tmp_path,
        run_name="base",
        threads=1,
        in_process=where == "in process",
        on_step=note,
    )
    assert first[0] >= 400, "it must not begin again"
    assert "model.safetensors: changed since it was written" in caplog.text
    assert (tmp_path / "base" / f"damaged-{reached.name}").is_dir()
    assert_same_bytes(result.checkpoint, train(told, output=tmp_path / "plain"))
    assert result.log["step"].to_list() == list(range(1000))


def test_fit_does_not_rely_on_rays_list_of_checkpoints(tmp_path: Path) -> None:
    fit_module._forget_list(str(tmp_path / "run"))
    snapshot = tmp_path / "run" / fit_module.SNAPSHOT
    snapshot.parent.mkdir()
    snapshot.write_text('{"checkpoint_res')
    fit_module._forget_list(str(tmp_path / "run"))
    assert not snapshot.exists()


class Planted:
    """Pickled so that whoever unpickles it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("in_process", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.usefixtures("on_ray")
def test_fit_executes_nothing_that_lies_in_the_folder_of_a_run(
    job: Make, tmp_path: Path, in_process: bool
) -> None:
    """A store is shared: pickles under the names of Ray's files and of other trainers' are planted
    beside a checkpoint and in it. That one is refused; the stage goes on from the one before it and
    ends as ever."""
    told, trace = job(tokens=12 * 256, checkpoint_every=4), tmp_path / "executed"
    undisturbed = fit(told, storage_path=tmp_path, run_name="run", threads=1, in_process=True)
    expected = {file.name: file.read_bytes() for file in undisturbed.checkpoint.iterdir()}
    folder = Path(undisturbed.run_folder)
    left, before = sorted(folder.glob("step-*"), reverse=True)
    assert left == undisturbed.checkpoint
    hostile = pickle.dumps(Planted(trace))
    names = (fit_module.SNAPSHOT, "trainer.pkl", "tuner.pkl", ".metadata", "checkpoint.pt")
    for name in (*names, "optimizer.pt", "pytorch_model.bin", "params.pkl", "scheduler.pt"):
        for place in (folder, left):
            (place / name).write_bytes(hostile)
    steps: list[int] = []
    resumed = fit(
        told,
        storage_path=tmp_path,
        run_name="run",
        threads=1,
        in_process=in_process,
        on_step=lambda record: steps.append(record.step),
    )
    assert {file.name: file.read_bytes() for file in resumed.checkpoint.iterdir()} == expected
    assert resumed.log["step"].to_list() == list(range(12))
    # Not every step is told; the first may be the last one before the checkpoint.
    goes_on_at = int(before.name.removeprefix("step-"))
    assert min(steps) >= goes_on_at - 1 >= 7 and steps[-1] == 11, "it goes on, and begins not anew"
    assert not trace.exists()
    pickle.loads(hostile)
    assert trace.exists(), "what is planted would have shown"


def test_fit_takes_an_error_of_our_own_out_of_rays_and_no_other() -> None:
    def fail_with(cause: Exception) -> None:
        raise ray.train.WorkerGroupError("rank 0", {0: cause})

    assert not is_lost([MemoryError()])
    with pytest.raises(NonFiniteLossError, match="step 7"):
        fit_module._unwrapped(lambda: fail_with(NonFiniteLossError("step 7")))
    with pytest.raises(ray.train.WorkerGroupError, match="rank 0"):
        fit_module._unwrapped(lambda: fail_with(MemoryError()))
