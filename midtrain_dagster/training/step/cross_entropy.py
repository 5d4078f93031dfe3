"""Cross-entropy from hidden states, a chunk of tokens at a time: the whole logits never exist.

With a vocabulary of 49k the logits are the peak of memory: 8,192 tokens have 1.6 GB of them, three
times over. So a chunk's logits become its loss and at once its gradient, and are dropped before the
next chunk's are made (Hsu et al. 2024, Liger Kernel, arXiv 2410.10989, section 3.2; here in plain
PyTorch, so that it runs anywhere). Only labelled tokens have logits: padding costs nothing.

z-loss is ``coefficient * log(Z) ** 2`` with Z the sum of the exponentials (Chowdhery et al. 2022,
PaLM, arXiv 2204.02311, section 5): it keeps logits from drifting away.

The price: the gradient of the head is made in the forward pass and summed over chunks in fp32, a
buffer as large as the head.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from midtrain_dagster.dataloader.batch import UNLABELLED

if TYPE_CHECKING:
    from torch import Tensor

LOGITS = 2**25
"""Most logits at a time: 134 MB of them in fp32. Larger chunks are hardly faster."""


def chunked_cross_entropy(
    hidden: "Tensor",
    head: "Tensor",
    labels: "Tensor",
    *,
    z_loss: float = 0.0,
    chunk: int | None = None,
) -> tuple["Tensor", "Tensor"]:
    """The objective and, within it, the cross-entropy: both in nats, summed over the labels.

    ``hidden`` [n, L, H] are the last hidden states, ``head`` [V, H] the output matrix, ``labels``
    [n, L] aligned with the inputs (position t predicts the label at t + 1; there may be one more,
    for the last). The objective is the cross-entropy with ``z_loss`` times the squared
    log-partition; only it has a gradient. Matrices are multiplied in autocast's precision, the loss
    is taken in fp32. ``chunk`` are tokens at a time (default: as many as ``LOGITS`` allows).
    """
    predicted = labels[:, 1:].flatten()
    kept = (predicted != UNLABELLED).nonzero()[:, 0]
    states = hidden[:, : labels.shape[1] - 1].flatten(0, 1).index_select(0, kept)
    size = chunk or max(1, LOGITS // len(head))
    return _function()(states, head, predicted[kept], z_loss, size)


@cache
def _function() -> Callable[..., tuple["Tensor", "Tensor"]]:
    import torch

    class ChunkedCrossEntropy(torch.autograd.Function):
        @staticmethod
        def forward(
            context: Any,
            states: "Tensor",
            head: "Tensor",
            labels: "Tensor",
            z_loss: float,
            chunk: int,
        ) -> tuple["Tensor", "Tensor"]:
            summed, gradients = _summed(
                states, head, labels, z_loss, chunk, with_gradient=context.needs_input_grad[0]
            )
            context.save_for_backward(*gradients)
            cross_entropy, square = summed
            objective = cross_entropy + z_loss * square
            context.mark_non_differentiable(cross_entropy)
            return objective, cross_entropy

        @staticmethod
        def backward(context: Any, scale: "Tensor", _: "Tensor") -> Any:
            of_states, of_head = context.saved_tensors
            return of_states * scale, of_head * scale, None, None, None

    return ChunkedCrossEntropy.apply


def _summed(
    states: "Tensor",
    head: "Tensor",
    labels: "Tensor",
    z_loss: float,
    chunk: int,
    *,
    with_gradient: bool,
) -> tuple[tuple["Tensor", "Tensor"], tuple["Tensor", ...]]:
    """Cross-entropy and squared log-partition, summed; and the gradients of states and head."""
    import torch

    device = states.device.type
    autocast = torch.is_autocast_enabled(device)
    dtype = torch.get_autocast_dtype(device) if autocast else states.dtype
    matrix = head.to(dtype)
    cross_entropy = torch.zeros((), device=states.device)
    square = torch.zeros((), device=states.device)
    of_states = torch.empty_like(states)
    of_head = torch.zeros_like(head)
    # Autocast off: the types are chosen here, once, and not at every product.
    with torch.autocast(device, enabled=False):
        for begin in range(0, len(states), chunk):
            part = slice(begin, begin + chunk)
            inputs, wanted = states[part].to(dtype), labels[part, None]
            logits = (inputs @ matrix.T).float()
            logarithms = torch.log_softmax(logits, -1)
            of_label = logarithms.gather(1, wanted)
            partition = logits.gather(1, wanted) - of_label
            del logits
            cross_entropy -= of_label.sum()
            square += partition.square().sum()
            if not with_gradient:
                continue
            gradient = logarithms.exp_()
            if z_loss:
                gradient *= 1 + 2 * z_loss * partition
            gradient.scatter_add_(1, wanted, torch.full_like(partition, -1.0))
            gradient = gradient.to(dtype)
            of_states[part] = gradient @ matrix
            of_head += gradient.T @ inputs
    return (cross_entropy, square), (of_states, of_head)
