"""One worker to many: DistributedDataParallel, or FSDP2's shards.

``ddp`` keeps the whole model on every worker and sums gradients once a step, with the last
micro-batch. ``fsdp`` shards weights, gradients and moments by layer and gathers a layer when it is
computed (Zhao et al. 2023, PyTorch FSDP, arXiv 2304.11277). Both run on gloo and on NCCL, as
torch.distributed was initialised.

The price of simplicity: weights travel in fp32, also under bf16 autocast, which doubles FSDP's
traffic; and every worker reads the whole checkpoint before it keeps its shard.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

Parallel = Literal["ddp", "fsdp"]


@dataclass(frozen=True)
class Place:
    """Which of how many workers this is, and on which device it computes."""

    rank: int
    world_size: int
    device: str


def distributed(objective: "Module", parallel: Parallel, place: Place) -> Any:
    """The objective on its device and, with several workers, as each of them calls it.

    With ``fsdp`` the parameters become shards, in place: make the optimizer afterwards.
    """
    if parallel == "fsdp":
        return _sharded(objective, place)
    objective.to(place.device)
    if place.world_size == 1:
        return objective
    from torch.nn.parallel import DistributedDataParallel

    return DistributedDataParallel(objective, gradient_as_bucket_view=True)


def _sharded(objective: "Module", place: Place) -> "Module":
    import torch
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(torch.device(place.device).type, (place.world_size,))
    for layer in layers(objective):
        fully_shard(layer, mesh=mesh)
    fully_shard(objective, mesh=mesh)
    return objective


def layers(model: "Module") -> list["Module"]:
    """The decoder layers of a transformers model. Raises ``ValueError`` where it names none."""
    from transformers.modeling_layers import GradientCheckpointingLayer

    found: list[Module] = [
        part for part in model.modules() if isinstance(part, GradientCheckpointingLayer)
    ]
    if not found:
        raise ValueError(f"{type(model).__name__} has no layers that transformers could checkpoint")
    return found


def checkpoint_activations(model: "PreTrainedModel") -> None:
    """Keep only each layer's input, and compute the rest again in the backward pass.

    Transformers does so in training mode alone. So the layers themselves are put into it, and what
    is inside them is not: there is still no dropout.
    """
    # Nothing draws a random number, so there is no state of a generator to bring back.
    model.activation_checkpointing_enable({"use_reentrant": False, "preserve_rng_state": False})
    for layer in layers(model):
        layer.training = True


def exchanging(module: Any, *, now: bool) -> AbstractContextManager[None]:
    """A context for a micro-batch; ``now``: its gradients, and those kept so far, are exchanged."""
    from torch.nn.parallel import DistributedDataParallel

    if isinstance(module, DistributedDataParallel):
        return nullcontext() if now else module.no_sync()
    if hasattr(module, "set_requires_gradient_sync"):
        module.set_requires_gradient_sync(now)
    return nullcontext()


def sum_over_workers(value: "Tensor", world_size: int) -> "Tensor":
    """The sum of a tensor over all workers, in place."""
    if world_size > 1:
        import torch.distributed

        torch.distributed.all_reduce(value)
    return value


def said_by_the_first(decision: bool, place: Place) -> bool:
    """What rank 0 has decided, on every worker."""
    if place.world_size == 1:
        return decision
    import torch

    said = torch.tensor([decision], dtype=torch.uint8, device=place.device)
    torch.distributed.broadcast(said, src=0)
    return bool(said.item())


def whole(value: "Tensor") -> "Tensor":
    """A tensor that may be spread over workers, as each of them can read it."""
    return value.full_tensor() if hasattr(value, "full_tensor") else value
