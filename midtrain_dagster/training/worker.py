"""One worker of Ray Train: the loop, between Ray's checkpoints and the log for who watches.

In a store that is a folder, checkpoints are written where they stay, whole or not at all. To an
object store they are uploaded, file by file; one that was cut short has no digests that agree.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from midtrain_dagster.core.filesystem import filesystem_of
from midtrain_dagster.core.system_files import own_files
from midtrain_dagster.training.checkpoints.checkpoint import DIGESTS, read_state
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
from midtrain_dagster.training.metrics.log import STEPS, RunLog, StepRecord, run_log
from midtrain_dagster.training.node_inputs import NodeInputs, at_hand
from midtrain_dagster.training.retention import prune


def work(config: dict[str, Any]) -> None:
    """Train, from the checkpoint named in ``resume`` or from the start.

    ``config`` has ``job``, ``run_folder``, ``resume``, ``threads``, ``inputs`` (with the driver's
    ``node``; None: the job's files are seen by all nodes) and ``tell``, which hands the driver a
    record as JSON. Of the checkpoints Ray is told the last alone: the
    others are looked for in the run's folder, and a report would keep the workers waiting.
    """
    import ray.train
    import ray.train.torch
    from ray.train import Checkpoint, CheckpointUploadMode

    run_folder, job = config["run_folder"], Job.model_validate(config["job"])
    context = ray.train.get_context()
    resume = None if config["resume"] is None else local_folder(config["resume"])
    with ExitStack() as stack:
        job = stack.enter_context(_at_hand(job, config))
        output, local = Path(run_folder), None
        if "://" in run_folder:
            local = output = Path(stack.enter_context(TemporaryDirectory(prefix="midtrain-")))
        log, share = None, _nothing
        if context.get_world_rank() == 0:
            first = 0 if resume is None else read_state(resume).step
            log, share = stack.enter_context(_shared_log(run_folder, local, first))

        def report_step(record: StepRecord) -> None:
            if log is not None:
                log.write(record)
                config["tell"](json.dumps(asdict(record)))

        def keep(folder: Path) -> None:
            if local is not None:
                _upload(folder, run_folder)
            prune(run_folder, job.stage)
            share()

        last = train(
            job,
            output=output,
            resume=resume,
            rank=context.get_world_rank(),
            world_size=context.get_world_size(),
            device="cpu" if job.stage.accelerator == "cpu" else str(ray.train.torch.get_device()),
            threads=config["threads"],
            neighbours=context.get_local_world_size(),
            on_step=report_step,
            on_checkpoint=keep,
        )
        # A barrier: every rank reports, rank 0 alone has the folder.
        checkpoint = None
        if context.get_world_rank() == 0:
            files, root = filesystem_of(run_folder)
            checkpoint = Checkpoint(f"{root}/{last.name}", files)
        ray.train.report(
            {}, checkpoint=checkpoint, checkpoint_upload_mode=CheckpointUploadMode.NO_UPLOAD
        )


def _at_hand(job: Job, config: dict[str, Any]) -> AbstractContextManager[Job]:
    """The job on files that this node has: the driver's, or fetched ones."""
    if config["inputs"] is None:
        return nullcontext(job)
    import ray
    import ray.train

    node, context = ray.get_runtime_context().get_node_id(), ray.train.get_context()
    if node == config["node"]:
        return nullcontext(job)
    name = f"midtrain-{context.get_experiment_name().rpartition('-')[2]}-{node[:12]}"
    inputs = NodeInputs.model_validate(config["inputs"])
    return at_hand(job, inputs, name)


def _upload(folder: Path, run_folder: str) -> None:
    """Move a checkpoint into a run's folder on an object store, its digests at the end."""
    from pyarrow.fs import copy_files

    files, root = filesystem_of(run_folder)
    digests = folder / DIGESTS
    for file in sorted(own_files(folder), key=lambda file: file == digests):
        copy_files(str(file), f"{root}/{folder.name}/{file.name}", destination_filesystem=files)
    shutil.rmtree(folder)


@contextmanager
def _shared_log(
    run_folder: str, folder: Path | None, first_step: int
) -> Iterator[tuple[RunLog, Callable[[], None]]]:
    """A log in the run's folder, and what makes others see it: for an object store it is written
    in a ``folder`` here, and copied there when asked and at the end."""
    from pyarrow.fs import FileType, copy_files

    if folder is None:
        with run_log(Path(run_folder), first_step) as log:
            yield log, _nothing
        return
    files, root = filesystem_of(run_folder)
    local = folder / "log"
    local.mkdir(parents=True)
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
