"""Muon: the momentum of each matrix, made orthogonal, is its update; AdamW for all else.

Jordan et al. 2024 (kellerjordan.github.io/posts/muon): five steps of a quintic Newton-Schulz
iteration bring the singular values of the momentum near one. As Moonlight and Kimi K2 have it (Liu
et al. 2025, *Muon is Scalable for LLM Training*, arXiv 2502.16982, section 2.2): weights decay, and
the update of a matrix [A, B] is scaled by ``0.2 sqrt(max(A, B))``, which is the size of AdamW's
updates, so that one rate and one decay are right for both and an AdamW schedule carries over.

Muon's are the matrices of the hidden layers: routers, and each expert's of a mixture (transformers
stores them as one tensor [experts, A, B], and each is made orthogonal by itself). Embeddings, the
output matrix, norms, biases and convolutions are AdamW's. A projection that a family stores as one
matrix (queries, keys and values of GPT-NeoX) is one matrix here too.

``torch.optim.Muon`` (2.13) takes no experts, and iterates in bf16 on a CPU too, where those without
instructions for it take a hundred times longer than in fp32; a test holds this one against it. On a
GPU the iteration is in bf16 as published, on a CPU in fp32. Of a sharded matrix (FSDP2) every
worker iterates the whole one, so sums have the order that one worker gives them.
"""

from functools import cache
from math import sqrt
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from midtrain_dagster.training.optimizers.method import (
    BY_MOMENTUM,
    MOMENTUM,
    Beta,
    OptimizerMethod,
    accumulate_averages,
    decays,
    embeddings_of,
)

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from torch.optim import Optimizer

VERSION = 1

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the iteration ``X <- a X + (b G + c G G) X`` with ``G = X X^T`` (Jordan et al. 2024)."""

STEPS = 5
"""Of the iteration."""

SMALLEST_NORM = 1e-7
"""A momentum that is smaller is not made larger than it allows."""

UPDATE_SIZE = 0.2
"""The root mean square of AdamW's updates, which Muon's are given (arXiv 2502.16982, 2.2)."""


class Muon(OptimizerMethod):
    """Muon for the matrices of the hidden layers, AdamW for the rest."""

    method: Literal["muon"]
    momentum: Beta = 0.95
    """Decay of the gradient's running mean, a step; the update looks ahead (Nesterov)."""
    betas: tuple[Beta, Beta] = (0.9, 0.95)
    """Decay of AdamW's first and second moment, a step."""
    eps: Annotated[float, Field(gt=0)] = 1e-8
    """Added to the root of AdamW's second moment."""

    def make(self, model: "Module") -> "Optimizer":
        """See ``OptimizerMethod``; three groups: Muon's, and AdamW's that decay and do not."""
        embeddings = embeddings_of(model)
        own = self.momentum_names(model)
        groups: list[dict[str, Any]] = [
            {"params": [], "weight_decay": self.weight_decay, BY_MOMENTUM: True},
            {"params": [], "weight_decay": self.weight_decay, BY_MOMENTUM: False},
            {"params": [], "weight_decay": 0.0, BY_MOMENTUM: False},
        ]
        for name, parameter in model.named_parameters():
            place = 0 if name in own else 1 if decays(parameter, self.spared, embeddings) else 2
            groups[place]["params"].append(parameter)
        return _class()(
            groups, momentum=self.momentum, lr=0.0, betas=self.betas, eps=self.eps, fused=True
        )

    def momentum_names(self, model: "Module") -> set[str]:
        """See ``OptimizerMethod``; the matrices of the hidden layers, experts among them."""
        import torch

        others = embeddings_of(model)
        for module in model.modules():
            if isinstance(module, torch.nn.modules.conv._ConvNd):
                others.add(id(module.weight))
            # An objective has a model inside, whose head is none of the hidden layers.
            head = getattr(module, "get_output_embeddings", lambda: None)()
            if head is not None:
                others.add(id(head.weight))
        return {
            name
            for name, parameter in model.named_parameters()
            if parameter.ndim in (2, 3)
            and id(parameter) not in others
            # Experts' biases are one tensor [experts, A].
            and not name.endswith("bias")
        }

    def accumulate(self, optimizer: "Optimizer") -> None:
        """See ``OptimizerMethod``."""
        import torch

        with torch.no_grad():
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    state = optimizer.state[parameter]
                    if parameter.grad is None:
                        continue
                    if group[BY_MOMENTUM]:
                        state["step"] += 1
                        state[MOMENTUM].lerp_(parameter.grad, 1 - self.momentum)
                    else:
                        accumulate_averages(parameter.grad, state, group["betas"])


def orthogonal(matrices: "Tensor") -> "Tensor":
    """Matrices [..., A, B] with their singular values near one: between 0.7 and 1.2 or so, for the
    iteration is chosen to be short and not to converge."""
    import torch

    x = matrices.to(torch.bfloat16 if matrices.device.type == "cuda" else torch.float32)
    is_high = x.shape[-2] > x.shape[-1]
    x = x.mT if is_high else x
    x = x / torch.linalg.matrix_norm(x, keepdim=True).clamp(min=SMALLEST_NORM)
    a, b, c = COEFFICIENTS
    for _ in range(STEPS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.mT if is_high else x).to(matrices.dtype)


def _orthogonal_shard(update: "Tensor") -> "Tensor":
    """The same of a tensor that may be spread over workers: each makes the whole, and keeps its
    own shard."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not isinstance(update, DTensor):
        return orthogonal(update)
    whole = orthogonal(update.full_tensor())
    return distribute_tensor(whole, update.device_mesh, update.placements, src_data_rank=None)


@cache
def _class() -> "type[Any]":
    import torch

    class MuonAdamW(torch.optim.AdamW):
        """PyTorch's AdamW, but for the groups that are Muon's."""

        def __init__(self, groups: list[dict[str, Any]], *, momentum: float, **options: Any):
            self.momentum = momentum
            super().__init__(groups, **options)

        @torch.no_grad()
        def step(self, closure: None = None) -> None:  # type: ignore[override]
            """One update."""
            for group in self.param_groups:
                if group[BY_MOMENTUM]:
                    for parameter in group["params"]:
                        if parameter.grad is not None:
                            rate, decay = group["lr"], group["weight_decay"]
                            self._update(parameter, parameter.grad, rate, decay)
                            # AdamW passes over what has no gradient.
                            parameter.grad = None
            super().step(closure)

        def _update(
            self, parameter: "Tensor", gradient: "Tensor", rate: float, decay: float
        ) -> None:
            state = self.state[parameter]
            if not state:
                state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
                state[MOMENTUM] = torch.zeros_like(parameter, requires_grad=False)
            state["step"] += 1
            momentum = state[MOMENTUM].lerp_(gradient, 1 - self.momentum)
            update = _orthogonal_shard(torch.lerp(gradient, momentum, self.momentum))
            size = UPDATE_SIZE * sqrt(max(parameter.shape[-2:]))
            parameter.mul_(1 - rate * decay)
            parameter.add_(update, alpha=-rate * size)

    return MuonAdamW
