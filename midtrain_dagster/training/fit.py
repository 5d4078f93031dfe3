"""A stage under Ray Train: the loop on as many workers as the stage says, resumed where it was cut.

A run is found again by its storage path and its name. So the name must carry the stage's
fingerprint: a run of that name that was killed goes on from its last whole checkpoint, and one that
is finished is returned as it is. The log comes from the checkpoint, hence is whole after a resume.
Ray's own list of checkpoints is not written atomically and knows of no damage, so what a resume
takes is looked up in the folder (``retention``), and what is kept is not left to Ray.

A stage with one worker on a machine of one's own trains in this process, by Ray Train's local mode:
the same trainer and the same function, without a cluster whose ten idle processes wake a hundred
times a second each (a tenth of two cores' time) and whose worker takes ten seconds to start. A
worker group of one is left for what needs a process of its own: a restart after its loss, a GPU.

There a trivial fit took 17 s, mostly in the controller's polls every 2 s and in what it watches;
the settings below poll more often and leave out metrics, the preemption watcher and the change of
working directory.
"""

import json
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from midtrain_dagster.core import interruption
from midtrain_dagster.core.filesystem import filesystem_of
from midtrain_dagster.core.machine import usable_cores
from midtrain_dagster.core.room import is_full
from midtrain_dagster.training.checkpoints.checkpoint import (
    read_log,
    read_state,
    verify_checkpoint,
)
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.lost_workers import in_words, living_nodes, were_lost
from midtrain_dagster.training.metrics.log import StepRecord, log_table
from midtrain_dagster.training.node_inputs import NodeInputs
from midtrain_dagster.training.ray_private import (
    cause_of,
    latest,
    leave_signals_alone,
    put,
    remove,
)
from midtrain_dagster.training.retention import latest_checkpoint
from midtrain_dagster.training.stage import Stage
from midtrain_dagster.training.worker import local_folder, work

logger = logging.getLogger(__name__)

PROGRESS_INTERVAL = 0.5
"""Seconds between two looks at how far the workers are."""

ENVIRONMENT = {
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    # A machine in the place of one that was lost takes longer to come than Ray's minute.
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "600",
}

WORKER_ENVIRONMENT = {"GOMP_SPINCOUNT": os.environ["GOMP_SPINCOUNT"]}
"""On a cluster too, where Ray loads torch before it loads this package, which says why."""

SNAPSHOT = "checkpoint_manager_snapshot.json"
"""Where Ray Train keeps its list of a run's checkpoints."""


class TooFewResourcesError(RuntimeError):
    """Ray has fewer CPUs or GPUs than a stage has workers."""


@dataclass(frozen=True)
class FitResult:
    """A finished stage."""

    checkpoint: Path
    """The folder of its last checkpoint."""
    log: pl.DataFrame
    """What is the same whenever the stage is run (``metrics.log.log_table``)."""
    run_folder: str
    """Path or URI of what was written for watching: ``log.read_records``, and TensorBoard's."""


def fit(
    job: Job,
    *,
    storage_path: str | Path,
    run_name: str,
    threads: int | None = None,
    in_process: bool = False,
    inputs: NodeInputs | None = None,
    on_step: Callable[[StepRecord], None] = lambda record: None,
    on_loss: Callable[[str], None] = logger.warning,
) -> FitResult:
    """Train a stage, ``in_process`` (:func:`fits_in_process`) or on the Ray that is already
    initialised.

    ``run_name`` carries the stage's fingerprint. ``threads`` of torch a worker (default: the
    machine's CPUs shared among the stage's workers). ``inputs`` say where nodes find the job's
    files that do not see the driver's. ``on_step`` gets the latest step, a few
    times a second, from a thread of its own: fast steps are skipped, the last one never is.
    ``on_loss`` is told, in words, of each worker that was lost, with its node or without.

    Raises what the loop raises, ``TooFewResourcesError``, and ``ray.train.TrainingFailedError``
    where Ray itself fails.
    """
    from ray.train import WorkerGroupError

    if not in_process:
        _check_resources(job)
    folder_of_run = run_folder(storage_path, run_name)
    lost, nodes = False, set() if in_process else living_nodes()
    for left in range(job.stage.restarts, -1, -1):
        resume = latest_checkpoint(folder_of_run)
        if lost:
            on_loss(in_words(run_name, job.stage, resume))
        if resume is not None and read_state(resume).step == job.stage.steps:
            return _result(local_folder(resume), folder_of_run)
        try:
            folder = _run(job, folder_of_run, resume, threads, in_process, inputs, on_step)
            break
        except WorkerGroupError as error:
            lost = left > 0 and were_lost(error.worker_failures.values(), nodes)
            if not lost:
                raise
            nodes = living_nodes()
    verify_checkpoint(folder)
    return _result(folder, folder_of_run)


def fits_in_process(stage: Stage) -> bool:
    """Whether a stage can be trained in this process, where that is on a machine of one's own."""
    return stage.workers == 1 and stage.restarts == 0 and stage.accelerator == "cpu"


def run_folder(storage_path: str | Path, run_name: str) -> str:
    """Path or URI of the folder of a run: what it leaves for watching, and its checkpoints."""
    return f"{_absolute(storage_path).rstrip('/')}/{run_name}"


def _check_resources(job: Job) -> None:
    """Raise ``TooFewResourcesError`` where Ray lacks what the workers ask for: it would wait for it
    for ever, without a word."""
    import ray

    stage, there = job.stage, ray.cluster_resources()
    kinds = ("CPU", "GPU") if stage.accelerator == "gpu" else ("CPU",)
    for kind in kinds:
        found = int(there.get(kind, 0))
        if found < stage.workers:
            raise TooFewResourcesError(
                f"{job.name}: {stage.workers} workers need a {kind} each, but Ray has {found}: "
                "lower `workers`, change `accelerator`, or name a cluster (MIDTRAIN_RAY_ADDRESS)"
            )


def _run(
    job: Job,
    run_folder: str,
    resume: str | None,
    threads: int | None,
    in_process: bool,
    inputs: NodeInputs | None,
    on_step: Callable[[StepRecord], None],
) -> Path:
    """One run of Ray Train, to the end of the stage or to an error."""
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    stage = job.stage
    storage, run_name = run_folder.rsplit("/", 1)
    _forget_list(run_folder)
    board = _Newest() if in_process else _Shared(f"midtrain/{run_name}")
    with _environment(ENVIRONMENT), _watched(board, on_step):
        trainer = TorchTrainer(
            work,
            train_loop_config={
                "job": job.model_dump(mode="json"),
                "run_folder": run_folder,
                "resume": resume,
                "threads": threads or max(1, usable_cores() // stage.workers),
                "tell": board.tell,
                "inputs": None if in_process or inputs is None else inputs.model_dump(mode="json"),
                "node": None if in_process else _node(),
            },
            # None is Ray Train's local mode.
            scaling_config=ScalingConfig(
                num_workers=0 if in_process else stage.workers,
                use_gpu=stage.accelerator == "gpu",
            ),
            # The checker sees the RunConfig of version 1, which ray.train no longer exports.
            run_config=RunConfig(  # type: ignore[call-arg]
                name=run_name,
                storage_path=storage,
                checkpoint_config=CheckpointConfig(num_to_keep=None),
                failure_config=FailureConfig(max_failures=0, controller_failure_limit=3),  # type: ignore[call-arg]
                worker_runtime_env={"env_vars": WORKER_ENVIRONMENT},
            ),
        )
        leave_signals_alone(trainer)
        with interruption.plain():
            return local_folder(_unwrapped(trainer.fit).checkpoint)


def _node() -> str:
    """The id of the node that this driver is on."""
    import ray

    return str(ray.get_runtime_context().get_node_id())


def _result(folder: Path, run_folder: str) -> FitResult:
    return FitResult(folder, log_table(read_log(folder)), run_folder)


def _absolute(storage_path: str | Path) -> str:
    path = str(storage_path)
    return path if "://" in path else str(Path(path).absolute())


def _forget_list(run_folder: str) -> None:
    """Remove Ray's list of checkpoints: it may be torn, or name some that are damaged or gone."""
    from pyarrow.fs import FileType

    files, root = filesystem_of(run_folder)
    snapshot = f"{root}/{SNAPSHOT}"
    if files.get_file_info(snapshot).type == FileType.File:
        files.delete_file(snapshot)


def _unwrapped(run: Callable[[], Any]) -> Any:
    """Run, and raise the error of our own that is why Ray Train failed, or that of a full disk,
    where there is one."""
    from ray.train import WorkerGroupError

    try:
        return run()
    except WorkerGroupError as error:
        for failure in error.worker_failures.values():
            cause = cause_of(failure)
            if type(cause).__module__.startswith("midtrain_dagster.") or is_full(cause):
                raise cause from error
        raise


class _Shared:
    """The latest record, where workers put it for the driver."""

    def __init__(self, key: str) -> None:
        remove(key)
        self.tell: Callable[[str], None] = partial(put, key)
        self.latest: Callable[[], str | bytes | None] = partial(latest, key)


class _Newest:
    """The latest record, in this process."""

    def __init__(self) -> None:
        records: deque[str] = deque(maxlen=1)
        self.tell: Callable[[str], None] = records.append
        self.latest: Callable[[], str | bytes | None] = lambda: records[0] if records else None


@contextmanager
def _watched(board: _Shared | _Newest, on_step: Callable[[StepRecord], None]) -> Iterator[None]:
    """Hand ``on_step`` what is told to the board, while the body runs and once after."""
    finished = threading.Event()
    seen: str | bytes | None = None

    def look() -> None:
        nonlocal seen
        value = board.latest()
        if value is not None and value != seen:
            seen = value
            on_step(StepRecord(**json.loads(value)))

    def watch() -> None:
        while not finished.wait(PROGRESS_INTERVAL):
            look()

    watcher = threading.Thread(target=watch, name="progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()
    look()


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    """Settings that Ray Train reads from the driver's environment; what is set already stays."""
    added = [name for name in settings if name not in os.environ]
    os.environ.update({name: settings[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
