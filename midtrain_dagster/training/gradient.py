"""One step's gradient: that of the mean loss over all labels of the step, over all workers.

The common mean of per-worker means would weigh a label by how many others its worker happens to
hold; so sums are divided by the labels of the whole step, and neither micro-batches nor workers
change anything but the order of sums. All workers make equally many micro-batches, because FSDP2
exchanges something in each: who has fewer windows adds one of padding.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from midtrain_dagster.dataloader.batch import UNLABELLED, Batch
from midtrain_dagster.models.attention.documents import Documents
from midtrain_dagster.training.stage import Stage
from midtrain_dagster.training.step.noise_scale import Squares
from midtrain_dagster.training.step.parallel import exchanging, sum_over_workers, whole

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Gradient:
    """What a step found, the same on every worker; the gradient itself is in the parameters."""

    loss: float
    """Mean cross-entropy in nats; not always finite. 0 without a label."""
    norm: float
    """Before clipping; not always finite."""
    labels: int
    """Of the step: the tokens that the loss counts."""
    squares: Squares | None
    """For the noise scale, at steps that measure it."""
    router_loss: float | None = None
    """Mean auxiliary loss of the router, before its coefficient; None without a router."""


def compute_gradient(
    module: Any, stage: Stage, batch: Batch, *, world_size: int, measure: bool, step: int = 0
) -> Gradient:
    """Add up the step's gradient in the parameters of ``module``, clipped as the stage says.

    ``batch`` is this worker's part of the ``step``; ``measure`` also takes the noise scale's
    squares.
    """
    import torch

    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    device = parameters[0].device
    labels = sum_over_workers(torch.tensor(batch.labelled, device=device), world_size)
    # Workers that share windows have all counted them.
    labels //= stage.context_parallel
    scale = world_size / labels.clamp(min=1)
    loss, router = torch.zeros((), device=device), None
    small = None
    precision = torch.autocast(device.type, torch.bfloat16, enabled=stage.precision == "bf16")
    count, size = micro_batches(stage, world_size, step=step, split=measure)
    for number, part in enumerate(_parts(batch, count, size)):
        inputs = [_on(device, array) for array in part[:3]]
        first = measure and number == 0
        # Shards have no gradient before it is exchanged, so there the small batch is all workers'.
        now = number == count - 1 or (first and stage.parallel == "fsdp")
        with exchanging(module, now=now):
            with precision:
                objective, cross_entropy, balance = module(*inputs, Documents.numbered(part[3]))
            # Workers' gradients are averaged; the sum over labels is wanted.
            (objective * scale).backward()
        loss += cross_entropy.detach()
        if balance is not None:
            router = balance if router is None else router + balance
        if first:
            held = (inputs[2] != UNLABELLED).sum()
            small = _small_batch(stage, parameters, held, labels, world_size)
    loss = sum_over_workers(loss / labels.clamp(min=1), world_size)
    norm = whole(
        torch.nn.utils.clip_grad_norm_(parameters, stage.optimizer.clip or math.inf)
    ).item()
    squares = Squares(*small, norm**2, 1 / int(labels)) if small and labels else None
    if router is not None:
        router = sum_over_workers(router / labels.clamp(min=1), world_size).item()
    return Gradient(loss.item(), norm, int(labels), squares, router)


def micro_batches(
    stage: Stage, world_size: int, *, step: int | None = None, split: bool = False
) -> tuple[int, int]:
    """How many micro-batches each worker makes of a step (None: the largest), and their windows.

    With ``split`` there are two at least, for the noise scale. Workers that share windows have the
    same.
    """
    readers = world_size // stage.context_parallel
    of_step = stage.windows_per_step
    if step is not None:
        of_step = stage.batches.size(step) // stage.sequence_length
    windows = -(-of_step // readers)
    size = windows
    if stage.micro_batch_tokens is not None:
        size = min(windows, stage.micro_batch_tokens // stage.sequence_length)
    if split and size == windows:
        size = -(-windows // 2)
    return -(-windows // size), size


def _parts(batch: Batch, count: int, size: int) -> Iterator[tuple[Any, Any, Any, Any]]:
    """Inputs, positions, labels and documents of each micro-batch, [windows, L] each."""
    import numpy as np

    for begin in range(0, count * size, size):
        piece = slice(begin, begin + size)
        part = (
            batch.input_ids[piece],
            batch.position_ids[piece],
            batch.labels[piece],
            batch.documents[piece],
        )
        if len(part[0]) == 0:
            empty = np.zeros_like(batch.input_ids[:1])
            part = empty, empty, np.full_like(empty, UNLABELLED), empty
        yield part


def _on(device: Any, array: Any) -> "Tensor":
    """An array on the device; a GPU fetches it from pinned memory while it still computes."""
    import torch

    tensor = torch.from_numpy(array)
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def _small_batch(
    stage: Stage, parameters: list[Any], held: "Tensor", labels: "Tensor", world_size: int
) -> tuple[float, float]:
    """The squared norm of the small batches' mean gradient, and one over their labels."""
    import torch

    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    square = whole(torch.nn.utils.get_total_norm(gradients)) ** 2
    # The gradients so far are sums over labels times world_size / labels.
    if stage.parallel == "fsdp":
        held = sum_over_workers(held, world_size).clamp(min=1)
        return (square * (labels / held) ** 2).item(), 1 / int(held)
    held = held.clamp(min=1)
    squares = torch.stack([square * (labels / (held * world_size)) ** 2, 1 / held])
    found = sum_over_workers(squares, world_size) / world_size
    return float(found[0]), float(found[1])
