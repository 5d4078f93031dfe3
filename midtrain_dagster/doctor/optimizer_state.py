"""What of an optimizer lies in a folder, whose, and whether its names are the model's.

Read are ours, ``optimizer.pt`` and torch DCP folders (``training.transition.foreign_moments``);
what other trainers leave is recognised by the names of its files, never opened, and said to be of
no use as it is.
"""

from pathlib import Path
from typing import NamedTuple

from midtrain_dagster.doctor.line import doubt, said, wrong
from midtrain_dagster.doctor.weights import Said
from midtrain_dagster.models.load import CheckpointError, load_to_train
from midtrain_dagster.training.checkpoints.moments import Moments, check_kinds
from midtrain_dagster.training.optimizers.optimizer import named
from midtrain_dagster.training.transition.begin import parameters_of
from midtrain_dagster.training.transition.foreign_moments import find_moments, moments_of
from midtrain_dagster.training.transition.mapping import MisfitError, match

SPOKEN = {"adamw": "AdamW", "muon": "Muon"}


class Known(NamedTuple):
    """What a trainer leaves, by name."""

    pattern: str
    what: str
    advice: str


CONVERT = "save it as a torch DCP folder by parameter name"
KNOWN = (
    Known("*optim_states.pt", "DeepSpeed's optimizer state", CONVERT),
    Known("*/*optim_states.pt", "DeepSpeed's optimizer state", CONVERT),
    Known("zero_to_fp32.py", "DeepSpeed's converter, which gives weights alone", CONVERT),
    Known("model_optim_rng.pt", "Megatron-LM's weights and optimizer", CONVERT),
    Known("*/model_optim_rng.pt", "Megatron-LM's weights and optimizer", CONVERT),
    Known("*/*/model_optim_rng.pt", "Megatron-LM's weights and optimizer", CONVERT),
    Known("*/*/distrib_optim.pt", "Megatron-LM's distributed optimizer", CONVERT),
    Known("latest_checkpointed_iteration.txt", "Megatron-LM's iteration", CONVERT),
    Known("optimizer.bin", "accelerate's optimizer state, pickled", CONVERT),
    Known("optim.pt", "OLMo's unsharded optimizer state", CONVERT),
    Known("optimizer_state.pt", "an optimizer state, pickled", CONVERT),
    Known("scheduler.pt", "a learning-rate schedule of the Trainer's, pickled", "say the rate"),
)
"""Files that are recognised and not opened."""


def told_optimizer(folder: Path) -> Said:
    """Which state there is, of which optimizer, over which parameters."""
    moments = readable(folder)
    if moments is None:
        yield doubt("no optimizer state that can be read here")
    else:
        whose = SPOKEN[moments.method]
        yield said(f"{moments.file.name}: {whose}'s moments of {len(moments.steps):,} parameters")
        steps = sorted(set(moments.steps.values()) - {0})
        if steps:
            yield said(f"they have taken {steps[-1]:,} updates")
        if moments.learning_rate is not None:
            yield said(f"its learning rate was {moments.learning_rate:g}")
        problem = misfit(folder, moments)
        if problem is None:
            yield said("their names and shapes are the model's")
        else:
            yield wrong(f"they are not the model's: {problem}")
    yield from told_others(folder)


def readable(folder: Path) -> Moments | None:
    """The moments that a stage could take over, their tensors unread; None: there are none.

    Raises ``CheckpointError`` for some that are damaged or of another kind.
    """
    if find_moments(folder) is None:
        return None
    return moments_of(folder, load_to_train(folder, shapes_only=True), shapes_only=True)


def misfit(folder: Path, moments: Moments) -> str | None:
    """Why moments are not those of the folder's model; None: they are."""
    model = load_to_train(folder, shapes_only=True)
    shapes, tied = parameters_of(model)
    try:
        found = match(moments.shapes, shapes, tied=tied)
        own = named(moments.method).momentum_names(model)
        with_momentum = {name for name, each in found.taken.items() if each in moments.momentum}
        check_kinds(moments.file, with_momentum, own)
    except (MisfitError, CheckpointError) as error:
        return str(error)
    return None


def told_others(folder: Path) -> Said:
    """What is recognised by its name and not read."""
    for known in KNOWN:
        found = sorted(folder.glob(known.pattern))
        if found:
            more = f" and {len(found) - 1} more" if len(found) > 1 else ""
            file = found[0].relative_to(folder)
            yield doubt(f"{file}{more}: {known.what}, not read: {known.advice}")


__all__ = ["misfit", "readable", "told_optimizer", "told_others"]
