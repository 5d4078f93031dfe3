"""An optimizer's moments by parameter name: ours on disk, and into an optimizer.

A stage that keeps the moments of the one before has to get them onto the right parameters, so they
travel by name, whole, in fp32, as in ``optimizer.safetensors``: ``exp_avg.NAME`` and
``exp_avg_sq.NAME`` of AdamW's, ``momentum_buffer.NAME`` of Muon's parameters, and ``steps``, with
``steps.NAME`` for the few parameters that took fewer. Nothing is unpickled. What other trainers
leave is read in ``foreign_moments``.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from midtrain_dagster.models.load import CheckpointError
from midtrain_dagster.models.tensor_names import Shape, listed, misfits
from midtrain_dagster.training.optimizers.method import (
    AVERAGES,
    STATE,
    is_by_momentum,
    kept_of,
)

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from torch.optim import Optimizer

MOMENTS = AVERAGES
"""AdamW's running means of the gradient and of its square, as PyTorch names them."""


@dataclass(frozen=True)
class Moments:
    """The state of an optimizer: tensors by parameter name, and updates that each took."""

    file: Path
    """Where they were read; errors name it."""
    first: Mapping[str, "Tensor"]
    """AdamW's, of the gradient."""
    second: Mapping[str, "Tensor"]
    """AdamW's, of its square."""
    steps: Mapping[str, int]
    learning_rate: float | None = None
    """The one that the next update would have had, where the file says it."""
    momentum: Mapping[str, "Tensor"] = field(default_factory=dict)
    """Muon's, of the parameters that are its own."""

    @property
    def method(self) -> str:
        """Whose they are."""
        return "muon" if self.momentum else "adamw"

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of each parameter's moments; ``CheckpointError`` where the two differ."""
        for name, tensor in self.first.items():
            if name not in self.second or self.second[name].shape != tensor.shape:
                raise CheckpointError(
                    f"{self.file}: exp_avg and exp_avg_sq of {name} are not alike in shape"
                )
        return {
            name: tuple(tensor.shape)
            for kind in (self.first, self.momentum)
            for name, tensor in kind.items()
        }

    def of_kind(self, kind: str) -> Mapping[str, "Tensor"]:
        """The tensors that PyTorch calls so."""
        return dict(zip(STATE, (self.first, self.second, self.momentum), strict=True))[kind]


def moment_tensors(model: "Module", optimizer: "Optimizer") -> dict[str, "Tensor"]:
    """What is stored of an optimizer that took a step: live tensors, sharded where the model is."""
    import torch

    tensors: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        state = optimizer.state[parameter]
        counts[name] = int(state["step"])
        for moment in STATE:
            if moment in state:
                tensors[f"{moment}.{name}"] = state[moment]
    most = max(counts.values())
    fewer = {f"steps.{name}": count for name, count in counts.items() if count != most}
    steps = {"steps": most} | fewer
    return tensors | {name: torch.tensor(count) for name, count in steps.items()}


def read_moments(file: Path) -> Moments:
    """Our own ``optimizer.safetensors``.

    Raises ``CheckpointError`` for a file that is cut, and for one that holds anything else.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        stored = load_file(file)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{file}: {error}") from error
    parts: dict[str, dict[str, Tensor]] = {kind: {} for kind in (*STATE, "steps")}
    for key, tensor in stored.items():
        kind, _, name = key.partition(".")
        if kind not in parts or not (name or kind == "steps"):
            raise CheckpointError(f"{file}: {key} is no moment of AdamW or Muon")
        parts[kind][name] = tensor
    counts = {name: int(count) for name, count in parts["steps"].items()}
    if "" not in counts:
        raise CheckpointError(f"{file}: it does not say how many steps were taken (`steps`)")
    first, second, momentum = (parts[kind] for kind in STATE)
    steps = {name: counts.get(name, counts[""]) for name in (*first, *momentum)}
    return Moments(file, first, second, steps, momentum=momentum)


def put_moments(moments: Moments, model: "Module", optimizer: "Optimizer") -> None:
    """Give every parameter of ``model`` its moments, in a fresh optimizer over them.

    The model may be sharded (FSDP2): every rank then has the whole moments and takes its shard.
    Raises ``CheckpointError`` where names, shapes or kinds differ: moments that fit only in part
    would make a run that nobody asked for.
    """
    import torch

    parameters = dict(model.named_parameters())
    shapes = {name: tuple(parameter.shape) for name, parameter in parameters.items()}
    if wrong := misfits(moments.shapes, shapes):
        raise CheckpointError(f"{moments.file}: not the moments of this model: {wrong}")
    muons = is_by_momentum(optimizer)
    own = {name for name, parameter in parameters.items() if muons[parameter]}
    check_kinds(moments.file, moments.momentum.keys(), own)
    for name, parameter in parameters.items():
        kinds = kept_of(parameter, by_momentum=muons[parameter])
        count = torch.tensor(
            float(moments.steps[name]), dtype=torch.float32, device=parameter.device
        )
        optimizer.state[parameter] = {
            "step": count,
            **{kind: _like(parameter, moments.of_kind(kind)[name]) for kind in kinds},
        }


def check_kinds(file: Path, stored: Set[str], own: Set[str]) -> None:
    """Raise ``CheckpointError`` where parameters have Muon's momentum ``stored`` and AdamW is to
    update them, or the other way round; ``own`` are those that Muon updates."""
    for names, has, wants in ((own - stored, "AdamW", "Muon"), (stored - own, "Muon", "AdamW")):
        if names:
            raise CheckpointError(
                f"{file}: {wants} is to update {listed(names)}, whose moments there are {has}'s"
            )


def _like(parameter: "Tensor", whole: "Tensor") -> "Tensor":
    """A tensor of its own with the values of ``whole``, placed and sharded as the parameter is."""
    import torch
    from torch.distributed.tensor import DTensor, distribute_tensor

    values = whole.to(device=parameter.device, dtype=torch.float32, copy=True)
    if isinstance(parameter, DTensor):
        return distribute_tensor(
            values, parameter.device_mesh, parameter.placements, src_data_rank=None
        )
    return values
