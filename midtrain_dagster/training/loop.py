"""The training loop: an optimizer over packed windows, from one checkpoint to the next.

What a step reads is a pure function of the stage and the step's number (``dataloader.plan``), and
the loop draws no random number (dropout is off), so a checkpoint's integers and its log are the
whole of its position: a resumed run ends with the same bytes as an undisturbed one, on the same
machine with the same threads, whichever checkpoints were written on the way. Workers and
micro-batches change only the order of sums. A step that is skipped advances the plan and the
schedule like any other.
"""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from midtrain_dagster.models.attention import within
from midtrain_dagster.training.background import Background, has_room_for_a_copy
from midtrain_dagster.training.checkpoints import checkpoint
from midtrain_dagster.training.gradient import Gradient, compute_gradient
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.metrics.log import StepRecord
from midtrain_dagster.training.metrics.memory import check_memory
from midtrain_dagster.training.metrics.throughput import Throughput
from midtrain_dagster.training.position import Position, resumed, save, started
from midtrain_dagster.training.retention import Usual, is_due
from midtrain_dagster.training.stage import Stage
from midtrain_dagster.training.step.failures import (
    MOST_SKIPS,
    Reason,
    Verdict,
    failed_step,
    judge,
    skips_in_a_row,
)
from midtrain_dagster.training.step.noise_scale import estimate, noise_scale
from midtrain_dagster.training.step.parallel import Place, said_by_the_first

if TYPE_CHECKING:
    from midtrain_dagster.dataloader.batch import Batch
    from midtrain_dagster.dataloader.plan import Plan

VERSION = 5
"""Of what training writes for a given job, apart from the format of its checkpoints. 2: the loss is
summed over chunks of tokens, which changes its last bits, and the log says more. 3: the log has the
column ``learning_rate``, and the run's record lies beside it. 4: a router's auxiliary loss is part
of the objective, and of the log. 5: documents of a window are attended to one by one, which changes
last bits."""
USES = (checkpoint, within)


def train(
    job: Job,
    *,
    output: Path,
    resume: Path | None = None,
    rank: int = 0,
    world_size: int = 1,
    device: str = "cpu",
    threads: int = 1,
    neighbours: int = 1,
    on_step: Callable[[StepRecord], None] = lambda record: None,
    on_checkpoint: Callable[[Path], None] = lambda folder: None,
) -> Path:
    """Train a stage to its end and return the folder of its last checkpoint.

    Checkpoints are written to ``output/step-NNNNNN`` by rank 0, in the background. Once one is
    whole, ``on_checkpoint`` is called with it there, in the thread that wrote it, and the folder is
    not read again, so it may move it away; all are whole when this returns on rank 0.
    ``resume`` is such a folder. With more than one worker, torch.distributed must be initialised.
    ``threads`` are set here, because a Ray worker with one CPU would get one OpenMP thread.
    ``neighbours`` are the workers on this machine, which share its memory.

    Raises ``FailedStepError`` for a step that fails and may not be skipped, ``CheckpointError`` for
    a start or resume that does not fit, ``TransitionError`` for a learning rate that jumps or is
    not known, ``MixtureError`` for documents that run dry, and ``TooLittleMemoryError``: all but
    the first before anything is computed.
    """
    import torch

    from midtrain_dagster.dataloader.batch import collate

    torch.set_num_threads(threads)
    stage = job.stage
    check_memory(job, world_size=world_size, device=device, neighbours=neighbours)
    if world_size > 1:
        # Nobody loads before all have looked at what is free.
        torch.distributed.barrier()
    place = Place(rank, world_size, device)
    position = resumed(job, resume, place) if resume else started(job, place)
    if resume and position.step == stage.steps:
        return resume
    shards = job.open_shards()
    plan = job.plan(shards)
    plan.check()
    throughput = Throughput(stage, position.model, place)
    folder = output

    def read(step: int) -> "Batch":
        reader, readers = rank // stage.context_parallel, world_size // stage.context_parallel
        windows = [plan.window(step, slot) for slot in plan.slots(reader, readers, step)]
        return collate(
            shards,
            windows,
            sequence_length=stage.sequence_length,
            padding=job.padding,
            loss_on=stage.loss_on,
            knots=job.knots,
            sentinels=job.sentinels,
            positions=stage.positions,
        )

    batches = _ahead(read, range(position.step, stage.steps))
    usual = Usual(stage)
    with Background(on_checkpoint) as background:
        while position.step < stage.steps:
            throughput.start(stage.batches.size(position.step))
            batch = next(batches)
            throughput.has_data()
            gradient, skipped = _update(job, plan, position, batch, world_size)
            record = _record(stage, position, gradient, skipped, throughput)
            position.log.append(record.logged())
            position.step += 1
            on_step(record)
            due = usual.is_due(position.step, is_free=background.is_free())
            if is_due(stage, position.step) or said_by_the_first(due, place):
                usual.written()
                folder = output / f"step-{position.step:06d}"
                _save(job, folder, position, plan, rank, background)
        background.wait()
    return folder


def _save(
    job: Job, folder: Path, position: Position, plan: "Plan", rank: int, background: Background
) -> None:
    """Write a checkpoint: beside the training, unless this was its last step or memory is short."""
    data = plan.position(position.step)
    if position.step < job.stage.steps and has_room_for_a_copy(position.model):
        save(job, folder, position, data, rank, partial(background.start, folder))
        return
    background.wait()
    save(job, folder, position, data, rank)
    if rank == 0:
        background.written(folder)


def _ahead(read: Callable[[int], "Batch"], steps: range) -> Iterator["Batch"]:
    """The batches of the steps, each read while the step before it is computed."""
    with ThreadPoolExecutor(1, "next batch") as reader:
        coming: Future[Batch] | None = None
        for step in steps:
            ready, coming = coming, reader.submit(read, step)
            if ready:
                yield ready.result()
        if coming:
            yield coming.result()


def _update(
    job: Job, plan: "Plan", position: Position, batch: "Batch", world_size: int
) -> tuple[Gradient, Reason | None]:
    """One update, and why it was skipped if it was: weights and moments are then as they were.

    Raises ``FailedStepError`` where the step failed and the stage does not have it skipped.
    """
    gradient, verdict = _attempt(job, position, batch, world_size)
    if verdict is not None and verdict.action == "retry":
        gradient, verdict = _attempt(job, position, batch, world_size)
    if verdict is None:
        return gradient, None
    skips = skips_in_a_row(position.log)
    if verdict.action == "skip" and skips < min(MOST_SKIPS, job.stage.steps - 1):
        return gradient, verdict.reason
    documents = plan.documents_of_step(position.step)["id"].unique(maintain_order=True)
    tried = {"retry": ", twice", "skip": f", after {skips} skipped steps in a row", "stop": ""}
    raise failed_step(
        verdict.reason,
        f"{job.name}, step {position.step}: loss {gradient.loss}, gradient norm {gradient.norm}"
        f"{tried[verdict.action]}; its documents: {', '.join(documents)}",
    )


def _attempt(
    job: Job, position: Position, batch: "Batch", world_size: int
) -> tuple[Gradient, Verdict | None]:
    """Compute the gradient, and apply it unless there is a verdict against it, or no label at all:
    momentum alone would move the weights then."""
    stage, step = job.stage, position.step
    every = stage.noise_scale_every
    gradient = compute_gradient(
        position.module,
        stage,
        batch,
        step=step,
        world_size=world_size,
        measure=every is not None and step % every == 0,
    )
    verdict = judge(stage.failures, gradient.loss, gradient.norm, position.log)
    if verdict is None and gradient.labels:
        if step < stage.reestimated_steps:
            stage.optimizer.accumulate(position.optimizer)
        else:
            for group in position.optimizer.param_groups:
                group["lr"] = float(position.learning_rates[step])
            position.optimizer.step()
    position.optimizer.zero_grad()
    return gradient, verdict


def _record(
    stage: Stage,
    position: Position,
    gradient: Gradient,
    skipped: Reason | None,
    throughput: Throughput,
) -> StepRecord:
    square = variance = noise = None
    if gradient.squares is not None and not skipped:
        square, variance = estimate(gradient.squares)
        noise = noise_scale(square, variance, position.log)
    finite = math.isfinite(gradient.loss) and math.isfinite(gradient.norm)
    return StepRecord(
        step=position.step,
        tokens=stage.batches.tokens_before(position.step + 1),
        loss=gradient.loss if finite and gradient.labels else None,
        learning_rate=float(position.learning_rates[position.step]),
        gradient_norm=gradient.norm if finite else None,
        skipped=skipped,
        router_loss=gradient.router_loss if finite else None,
        targets=None if stage.loss_on == "all" else gradient.labels,
        gradient_square=square,
        gradient_variance=variance,
        noise_scale=noise,
        **throughput.measured(),
    )
