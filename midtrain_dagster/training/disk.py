"""What a stage takes of the disk while it trains, counted before it does.

Each checkpoint has weights and moments in fp32. As many as ``keep_last`` stay, one more is being
written, and those at milestones stay for good. The artifact is linked to the last of them and takes
no room of its own. On an object store nothing is counted: it has no end that it tells.
"""

from midtrain_dagster.core.room import require_room
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.metrics.memory_estimate import FP32, planned_model
from midtrain_dagster.training.optimizers.method import kept_numbers
from midtrain_dagster.training.retention import checkpoints_in, milestones


def checkpoint_bytes(job: Job) -> int:
    """The size of one checkpoint, without the few files that do not grow with the model."""
    model = planned_model(job)
    weights = sum(parameter.numel() for parameter in model.parameters())
    return FP32 * (weights + kept_numbers(job.stage.optimizer, model))


def checkpoints_at_once(job: Job) -> int:
    """The most checkpoints that are on the disk at a time."""
    due = min(job.stage.steps, job.stage.checkpoints.keep_last + 1)
    return due + len(milestones(job.stage))


def check_disk(job: Job, run_folder: str) -> None:
    """Raise ``FullDiskError`` where a run's folder has no room for what the run will leave there;
    what an earlier attempt has left already is counted."""
    if "://" in run_folder:
        return
    each, most = checkpoint_bytes(job), checkpoints_at_once(job)
    lacking = most - min(most, len(checkpoints_in(run_folder)))
    what = f"{job.run.name}: training writes {most} checkpoints ({each / 1e9:,.3f} GB each), so it"
    require_room(run_folder, lacking * each, what)
