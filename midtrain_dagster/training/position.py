"""Where training stands: how a stage begins, is resumed, and is saved.

A model is read whole on the CPU by every worker, goes to its device or is sharded, and then gets
its optimizer and its moments.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.models.attention.exchange import exchanges
from midtrain_dagster.models.load import CheckpointError, load_to_train
from midtrain_dagster.training.checkpoints import checkpoint
from midtrain_dagster.training.checkpoints.checkpoint import State
from midtrain_dagster.training.checkpoints.moments import put_moments
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.optimizers.method import add_missing_state
from midtrain_dagster.training.rope.found_factors import find_factors, put_factors
from midtrain_dagster.training.rope.methods.longrope import LongRope
from midtrain_dagster.training.step.objective import make_objective
from midtrain_dagster.training.step.parallel import Place, checkpoint_activations, distributed
from midtrain_dagster.training.transition.attention import choose_attention
from midtrain_dagster.training.transition.begin import inherited, last_learning_rate

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)


@dataclass
class Position:
    """Where training stands: the model, its optimizer, steps done, and the log of them."""

    model: "PreTrainedModel"
    module: Any
    """What a step calls: the model's objective, as the workers share it."""
    optimizer: "Optimizer"
    learning_rates: NDArray[np.float64]
    step: int
    log: list[dict[str, Any]]


def started(job: Job, place: Place) -> Position:
    """The beginning of a stage: what it inherits, and what it does not."""
    begun = inherited(job)
    _search_factors(job, begun.model, place)
    learning_rates = job.stage.learning_rates(begun.learning_rate)
    position = _placed(job, begun.model, learning_rates, place)
    if begun.moments is not None:
        put_moments(begun.moments, position.model, position.optimizer)
    add_missing_state(position.optimizer)
    return position


def _search_factors(job: Job, model: "PreTrainedModel", place: Place) -> None:
    """Where the stage searches LongRoPE's factors, put them into its model: the first worker finds
    them, for all."""
    rope = job.stage.rope
    if not isinstance(rope, LongRope) or rope.search is None:
        return
    found: list[Any] = [None]
    if place.rank == 0:
        model.eval().to(place.device)
        length, held_out = job.stage.sequence_length, job.open_held_out()
        found = [find_factors(model, rope, held_out, length=length, seed=job.seed)]
        model.to("cpu")  # type: ignore[arg-type]
    if place.world_size > 1:
        import torch

        torch.distributed.broadcast_object_list(found, src=0)
        put_factors(model, found[0], rope.short_factors)


def resumed(job: Job, folder: Path, place: Place) -> Position:
    """The middle of a stage, from its own checkpoint."""
    state = checkpoint.verify_checkpoint(folder)
    if (state.stage, state.seed) != (job.name, job.seed):
        raise CheckpointError(
            f"{folder / checkpoint.STATE}: of stage {state.stage!r} with seed {state.seed}, "
            f"not of {job.name!r} with seed {job.seed}"
        )
    position = _placed(
        job, load_to_train(folder), job.stage.learning_rates(last_learning_rate(job)), place
    )
    checkpoint.load_optimizer(folder, position.model, position.optimizer)
    position.step, position.log = state.step, checkpoint.read_log(folder)
    return position


def _placed(
    job: Job, model: "PreTrainedModel", learning_rates: NDArray[np.float64], place: Place
) -> Position:
    """A model on its device, or its shards on theirs; for good without dropout, since training
    draws no random number."""
    stage = job.stage
    told = choose_attention(stage, model.eval(), job.name)
    if place.rank == 0:
        logger.log(logging.WARNING if told.is_quadratic else logging.INFO, told.line)
    if stage.activation_checkpointing:
        checkpoint_activations(model)
    objective = make_objective(
        model,
        z_loss=stage.z_loss,
        exchange=exchanges(stage.context_parallel, place.world_size, place.rank),
    )
    module = distributed(objective, stage.parallel, place)
    optimizer = stage.optimizer.make(model)
    return Position(model, module, optimizer, learning_rates, step=0, log=[])


def save(
    job: Job,
    folder: Path,
    position: Position,
    data: dict[str, Any],
    rank: int,
    later: Callable[[Callable[[], None]], None] | None = None,
) -> None:
    """Write a checkpoint on rank 0, or hand over to ``later`` what writes it; the others give it
    their shards."""
    state = State(
        stage=job.name,
        seed=job.seed,
        step=position.step,
        tokens=job.stage.batches.tokens_before(position.step),
        learning_rate=float(position.learning_rates[position.step]),
        data=data,
    )
    checkpoint.save_checkpoint(
        folder,
        model=position.model,
        optimizer=position.optimizer,
        state=state,
        log=position.log,
        tokenizer=job.tokenizer,
        rank=rank,
        later=later,
    )
