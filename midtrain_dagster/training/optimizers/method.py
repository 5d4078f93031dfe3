"""What every optimizer offers, and what is kept of one between steps.

An optimizer keeps tensors for each parameter, by PyTorch's names of them: AdamW the running means
of the gradient and of its square (``exp_avg``, ``exp_avg_sq``), Muon a momentum alone
(``momentum_buffer``). Those are what a checkpoint has, what a stage inherits, and what it takes of
memory beside the weights.
"""

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from torch.optim import Optimizer

Spared = Literal["embeddings", "vectors"]
"""What may be spared from weight decay; vectors are norms and biases."""

AVERAGES = ("exp_avg", "exp_avg_sq")
"""AdamW's running means of the gradient and of its square."""

MOMENTUM = "momentum_buffer"
"""Muon's running mean of the gradient."""

STATE = (*AVERAGES, MOMENTUM)
"""All that is kept of a parameter, its count of updates apart."""

BY_MOMENTUM = "by_momentum"
"""The key of a group of parameters that says whether Muon updates them."""

Beta = Annotated[float, Field(ge=0, lt=1)]


class OptimizerMethod(FrozenModel):
    """How gradients change weights, and what is done to a gradient before."""

    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    """Decay of the weights, as a multiple of the learning rate."""
    spared: tuple[Spared, ...] = ("embeddings", "vectors")
    """What does not decay; vectors are norms and biases."""
    clip: Annotated[float, Field(gt=0)] | None = 1.0
    """Largest norm of the whole gradient; null: no clipping."""

    @abstractmethod
    def make(self, model: "Module") -> "Optimizer":
        """The optimizer over the parameters as they are, sharded or not, at a learning rate of 0.
        Each of its groups says :data:`BY_MOMENTUM`."""

    @abstractmethod
    def momentum_names(self, model: "Module") -> set[str]:
        """The parameters that are updated by their momentum alone; it may be on the meta device."""

    @abstractmethod
    def accumulate(self, optimizer: "Optimizer") -> None:
        """Put the gradients into the state as an update does, and leave the weights as they are, to
        the bit: an update at rate 0 would make 0 of a negative zero."""


def kept_of(parameter: "Tensor", *, by_momentum: bool) -> tuple[str, ...]:
    """The names of what is kept of a parameter, its count of updates apart."""
    return (MOMENTUM,) if by_momentum else AVERAGES


def is_by_momentum(optimizer: "Optimizer") -> "dict[Tensor, bool]":
    """For each parameter of an optimizer whether its momentum alone updates it."""
    return {
        parameter: bool(group.get(BY_MOMENTUM))
        for group in optimizer.param_groups
        for parameter in group["params"]
    }


def kept_numbers(method: OptimizerMethod, model: "Module") -> int:
    """Numbers that an optimizer keeps of a model between steps, the counts of updates apart."""
    named = method.momentum_names(model)
    return sum(
        parameter.numel() * len(kept_of(parameter, by_momentum=name in named))
        for name, parameter in model.named_parameters()
    )


def embeddings_of(model: "Module") -> set[int]:
    """The ids of the parameters that are embeddings; a tied output matrix is one."""
    import torch

    return {
        id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Embedding)
    }


def decays(parameter: "Tensor", spared: tuple[Spared, ...], embeddings: set[int]) -> bool:
    """Whether the weights of a parameter decay."""
    kind = "vectors" if parameter.ndim < 2 else ""
    kind = "embeddings" if id(parameter) in embeddings else kind
    return kind not in spared


def accumulate_averages(
    gradient: "Tensor", state: "dict[str, Tensor]", betas: tuple[float, float]
) -> None:
    """Put a step's gradient into AdamW's running means (arXiv 1412.6980, algorithm 1)."""
    first, second = betas
    state["step"] += 1
    state["exp_avg"].lerp_(gradient, 1 - first)
    state["exp_avg_sq"].mul_(second).addcmul_(gradient, gradient, value=1 - second)


def add_missing_state(optimizer: "Optimizer") -> None:
    """Give every parameter without a state the one that its first update would begin with.

    So memory is taken before the first step, and a checkpoint is whole although steps were skipped.
    """
    import torch

    for parameter, by_momentum in is_by_momentum(optimizer).items():
        if parameter not in optimizer.state:
            zeros = {
                name: torch.zeros_like(parameter, requires_grad=False)
                for name in kept_of(parameter, by_momentum=by_momentum)
            }
            count = torch.zeros((), dtype=torch.float32, device=parameter.device)
            optimizer.state[parameter] = {"step": count, **zeros}
