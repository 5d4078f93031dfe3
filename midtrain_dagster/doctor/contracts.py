"""Which transition contracts a checkpoint can keep: what a stage's ``inherit`` may say of it."""

from pathlib import Path

from midtrain_dagster.doctor.line import doubt, said, wrong
from midtrain_dagster.doctor.optimizer_state import SPOKEN, misfit, readable
from midtrain_dagster.doctor.weights import Said
from midtrain_dagster.models.load import CheckpointError, load_to_train
from midtrain_dagster.training.checkpoints.checkpoint import is_checkpoint, read_state
from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.transition.config import begun_config

NO_MOMENTS = "moments: {reset: WHY}, or {reestimate: WHY, steps: N}"


def told_contracts(folder: Path) -> Said:
    """For each thing that a stage inherits, how it can be taken over."""
    try:
        begun_config(folder)
    except (CheckpointError, TransitionError) as error:
        yield wrong(f"no stage can start from it: {error}")
        return
    try:
        load_to_train(folder, shapes_only=True)
        yield said("weights: keep")
    except CheckpointError as error:
        yield doubt(f"weights: {{map: WHY, ...}} or {{reset: WHY}} alone: {error}")
    rate = None
    try:
        moments = readable(folder)
        problem = None if moments is None else misfit(folder, moments)
        if moments is None:
            yield doubt(f"{NO_MOMENTS}: there are none")
        elif problem:
            otherwise = NO_MOMENTS.removeprefix("moments: ")
            yield doubt(f"moments: {{map: WHY, ...}}, or {otherwise}: they are of another model")
        else:
            whose = moments.method
            yield said(f"moments: keep, with optimizer: {{method: {whose}}} ({SPOKEN[whose]}'s)")
        rate = None if moments is None else moments.learning_rate
    except CheckpointError as error:
        yield doubt(f"{NO_MOMENTS}: {error}")
    ours = read_state(folder) if is_checkpoint(folder) else None
    rate = ours.learning_rate if ours else rate
    if rate is None:
        yield doubt("learning_rate: {reset: WHY}: the last one is not known")
    elif rate == 0:
        yield doubt(
            "learning_rate: {reset: WHY}: its schedule ended at 0, from which nothing grows"
        )
    else:
        yield said(f"learning_rate: keep, from {rate:g}")
    if ours and ours.data:
        yield said("data: keep, on the very shards and mixture that it was trained on")
    else:
        yield said("data: an order of its own (the default); no place in another is known")
    seed = f"rng: keep, with seed: {ours.seed}" if ours else "rng: keep (no seed is said: any does)"
    yield said(seed)
