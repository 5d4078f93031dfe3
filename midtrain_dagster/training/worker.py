"""One worker of Ray Train: the loop, between Ray's checkpoints and the log for who watches.

In a store that is a folder, checkpoints are written where they stay, whole or not at all. To an
object store Ray uploads them, file by file; one that was cut short has no digests that agree.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from midtrain_dagster.core.filesystem import filesystem_of
from midtrain_dagster.training import ray_private
from midtrain_dagster.training.checkpoints.checkpoint import read_state
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
from midtrain_dagster.training.metrics.log import STEPS, RunLog, StepRecord, run_log
from midtrain_dagster.training.retention import prune


def work(config: dict[str, Any]) -> None:
    """Train, from Ray's last checkpoint or the one named in ``resume``.

    ``config`` has ``job``, ``run_folder``, ``resume``, ``threads`` and ``progress``, the key under
    which the driver finds the latest record.
    """
    import ray.train
    import ray.train.torch
    from ray.train import CheckpointUploadMode as Upload

    in_place = "://" not in config["run_folder"]
    context = ray.train.get_context()
    job = Job.model_validate(config["job"])
    # Ray knows of checkpoints since this run began, the driver of those before.
    latest = ray.train.get_checkpoint() or config["resume"]
    resume = None if latest is None else local_folder(latest)
    with ExitStack() as stack:
        output = Path(stack.enter_context(TemporaryDirectory(prefix="midtrain-")))
        log, share = None, _nothing
        if context.get_world_rank() == 0:
            first = 0 if resume is None else read_state(resume).step
            shared = _shared_log(config["run_folder"], output / "log", first)
            log, share = stack.enter_context(shared)

        def report_step(record: StepRecord) -> None:
            if log is not None:
                log.write(record)
                ray_private.put(config["progress"], json.dumps(asdict(record)))

        def report_checkpoint(folder: Path | None) -> None:
            # A barrier: every rank reports, rank 0 alone has the folder.
            checkpoint = None if folder is None else ray.train.Checkpoint.from_directory(folder)
            ray.train.report(
                {},
                checkpoint=checkpoint,
                checkpoint_dir_name=folder and folder.name,
                checkpoint_upload_mode=Upload.NO_UPLOAD if in_place else Upload.SYNC,
                delete_local_checkpoint_after_upload=not in_place,
            )
            if folder is not None:
                prune(config["run_folder"], job.stage)
                share()

        train(
            job,
            output=Path(config["run_folder"]) if in_place else output,
            resume=resume,
            rank=context.get_world_rank(),
            world_size=context.get_world_size(),
            device=str(ray.train.torch.get_device()),
            threads=config["threads"],
            neighbours=context.get_local_world_size(),
            on_step=report_step,
            on_checkpoint=report_checkpoint,
        )


@contextmanager
def _shared_log(
    run_folder: str, local: Path, first_step: int
) -> Iterator[tuple[RunLog, Callable[[], None]]]:
    """A log in the run's folder, and what makes others see it: for an object store it is written
    here, and copied there when asked and at the end."""
    from pyarrow.fs import FileType, copy_files

    if "://" not in run_folder:
        with run_log(Path(run_folder), first_step) as log:
            yield log, _nothing
        return
    files, root = filesystem_of(run_folder)
    local.mkdir()
    if files.get_file_info(f"{root}/{STEPS}").type == FileType.File:
        copy_files(f"{root}/{STEPS}", str(local / STEPS), source_filesystem=files)

    def share() -> None:
        copy_files(str(local), root, destination_filesystem=files)

    try:
        with run_log(local, first_step) as log:
            yield log, share
    finally:
        share()


def _nothing() -> None:
    """A folder that all see needs no copying."""


def local_folder(checkpoint: Any) -> Path:
    """The folder of a checkpoint, Ray's or a path or URI: where it lies, or a copy if that is not
    on this machine."""
    import pyarrow.fs
    from ray.train import Checkpoint

    if isinstance(checkpoint, str):
        checkpoint = Checkpoint(checkpoint)
    if isinstance(checkpoint.filesystem, pyarrow.fs.LocalFileSystem):
        return Path(checkpoint.path)
    return Path(checkpoint.to_directory())
