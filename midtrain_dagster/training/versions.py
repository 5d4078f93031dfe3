"""The versions of all that a run's checkpoint depends on."""

import sys

from midtrain_dagster.core.causes import Versions, versions_of
from midtrain_dagster.dataloader import plan
from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.models import older_names
from midtrain_dagster.training import loop
from midtrain_dagster.training.schedule.schedule import Decay
from midtrain_dagster.training.stage import Stage


def versions_of_stage(stage: Stage) -> Versions:
    """Those of the loop and the plan, and of the shapes, curves, RoPE method, optimizer, rule of
    lengths, packing and turning of documents that it names."""
    shapes = [phase.shape for phase in stage.schedule if isinstance(phase, Decay)]
    named: list[object] = [
        *shapes,
        stage.optimizer,
        *([stage.rope] if stage.rope is not None else []),
    ]
    if not isinstance(stage.packing, str):
        named.append(stage.packing)
    if stage.fill_in_the_middle is not None:
        named.append(stage.fill_in_the_middle)
    mixture = stage.mixture
    if mixture.length_classes is not None:
        named.append(mixture.length_classes)
    curves = mixture.curves if isinstance(mixture, Mixture) else []
    return versions_of(
        loop,
        plan,
        older_names,
        *(sys.modules[type(each).__module__] for each in named),
        *(sys.modules[each.__name__] for each in curves),
    )
