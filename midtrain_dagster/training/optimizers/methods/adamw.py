"""AdamW, fused, in two groups: what decays and what does not (arXiv 1711.05101).

By default weight decay spares embeddings and every vector (norms, biases), as in OLMo 2
(arXiv 2501.00656, section 3.3). A tied output matrix is an embedding.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from midtrain_dagster.core.causes import CAUSE_IF_SET
from midtrain_dagster.training.optimizers.method import (
    BY_MOMENTUM,
    Beta,
    OptimizerMethod,
    accumulate_averages,
    decays,
    embeddings_of,
)

if TYPE_CHECKING:
    from torch.nn import Module
    from torch.optim import Optimizer

VERSION = 1


class AdamW(OptimizerMethod):
    """AdamW, and what is done to the gradient before."""

    method: Annotated[Literal["adamw"], CAUSE_IF_SET] = "adamw"
    betas: tuple[Beta, Beta] = (0.9, 0.95)
    """Decay of the first and the second moment, a step."""
    eps: Annotated[float, Field(gt=0)] = 1e-8
    """Added to the root of the second moment."""

    def make(self, model: "Module") -> "Optimizer":
        """See ``OptimizerMethod``; two groups, the one that decays first."""
        import torch

        embeddings = embeddings_of(model)
        every = list(model.parameters())
        decaying = [decays(parameter, self.spared, embeddings) for parameter in every]
        groups = [
            {
                "params": [each for each, does in zip(every, decaying, strict=True) if does == yes],
                "weight_decay": self.weight_decay if yes else 0.0,
                BY_MOMENTUM: False,
            }
            for yes in (True, False)
        ]
        return torch.optim.AdamW(groups, lr=0.0, betas=self.betas, eps=self.eps, fused=True)

    def momentum_names(self, model: "Module") -> set[str]:
        """See ``OptimizerMethod``; none."""
        return set()

    def accumulate(self, optimizer: "Optimizer") -> None:
        """See ``OptimizerMethod``."""
        import torch

        with torch.no_grad():
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        state = optimizer.state[parameter]
                        accumulate_averages(parameter.grad, state, group["betas"])
