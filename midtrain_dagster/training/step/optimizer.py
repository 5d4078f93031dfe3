"""AdamW, fused, in two groups: what decays and what does not.

By default weight decay spares embeddings and every vector (norms, biases), as in OLMo 2
(arXiv 2501.00656, section 3.3). A tied output matrix is an embedding.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from torch.optim import AdamW

Spared = Literal["embeddings", "vectors"]


class Optimizer(FrozenModel):
    """AdamW (arXiv 1711.05101), and what is done to the gradient before."""

    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (
        0.9,
        0.95,
    )
    """Decay of the first and the second moment, a step."""
    eps: Annotated[float, Field(gt=0)] = 1e-8
    """Added to the root of the second moment."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    """Decay of the weights, as a multiple of the learning rate."""
    spared: tuple[Spared, ...] = ("embeddings", "vectors")
    """What does not decay; vectors are norms and biases."""
    clip: Annotated[float, Field(gt=0)] | None = 1.0
    """Largest norm of the whole gradient; null: no clipping."""


def make_optimizer(model: "Module", settings: Optimizer) -> "AdamW":
    """A fused AdamW over the parameters as they are, sharded or not, at a learning rate of 0."""
    import torch

    embeddings = {
        id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Embedding)
    }
    decaying: list[Tensor] = []
    sparing: list[Tensor] = []
    for parameter in model.parameters():
        kind = "vectors" if parameter.ndim < 2 else ""
        kind = "embeddings" if id(parameter) in embeddings else kind
        (sparing if kind in settings.spared else decaying).append(parameter)
    groups = [
        {"params": decaying, "weight_decay": settings.weight_decay},
        {"params": sparing, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.0, betas=settings.betas, eps=settings.eps, fused=True)


def add_missing_moments(optimizer: "AdamW") -> None:
    """Give every parameter without moments those that its first update would begin with.

    So memory is taken before the first step, and a checkpoint is whole although steps were skipped.
    """
    import torch

    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter not in optimizer.state:
                optimizer.state[parameter] = {
                    "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
                    "exp_avg": torch.zeros_like(parameter, requires_grad=False),
                    "exp_avg_sq": torch.zeros_like(parameter, requires_grad=False),
                }
