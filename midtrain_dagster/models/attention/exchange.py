"""Windows shared by workers: each computes some of the tokens, and attends with some of the heads.

Around attention, and nowhere else, workers exchange: from a part of the tokens of all heads to all
tokens of a part of the heads, and back (Jacobs et al. 2023, DeepSpeed Ulysses, arXiv 2309.14509,
section 3.1). Attention itself is then the one of one worker, documents and sliding windows
included. PyTorch's own context parallelism (``torch.distributed.tensor.experimental``) knows only
kernels of a GPU and whole windows. The price: there are at most as many workers as heads of keys.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Exchange:
    """Of one worker with those that share its windows."""

    group: Any
    """Their process group of torch.distributed."""
    size: int
    """How many they are."""
    rank: int
    """Which of them this is: it has the ``rank``-th part of the tokens, and of the heads."""

    def part(self, length: int) -> slice:
        """The places of this worker's tokens in a window."""
        each = length // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def to_heads(self, part: "Tensor") -> "Tensor":
        """From [n, heads, L / size, d], this worker's tokens, to [n, heads / size, L, d]."""
        # The first axis says to whom a part goes, and from whom it came.
        sent = part.unflatten(1, (self.size, -1)).movedim(1, 0)
        found: Tensor = _all_to_all().apply(sent.contiguous(), self.group)
        return found.movedim(0, 2).flatten(2, 3)

    def to_tokens(self, attended: "Tensor") -> "Tensor":
        """From [n, L, heads / size, d] to [n, L / size, heads, d], this worker's tokens."""
        sent = attended.unflatten(1, (self.size, -1)).movedim(1, 0)
        found: Tensor = _all_to_all().apply(sent.contiguous(), self.group)
        return found.movedim(0, 2).flatten(2, 3)


def exchanges(size: int, world_size: int, rank: int) -> Exchange | None:
    """The exchange of worker ``rank`` where each ``size`` neighbours share windows; None for one.

    All workers call it, in the same order.
    """
    if size == 1:
        return None
    import torch.distributed as dist

    groups = [
        dist.new_group(list(range(first, first + size))) for first in range(0, world_size, size)
    ]
    return Exchange(groups[rank // size], size, rank % size)


@cache
def _all_to_all() -> Any:
    import torch
    import torch.distributed as dist

    class AllToAll(torch.autograd.Function):
        """The parts along the first axis, each to its worker; gradients go back as they came."""

        @staticmethod
        def forward(context: Any, sent: "Tensor", group: Any) -> "Tensor":
            context.group = group
            found = torch.empty_like(sent)
            dist.all_to_all_single(found, sent, group=group)
            return found

        @staticmethod
        def backward(context: Any, of_found: "Tensor") -> Any:
            of_sent = torch.empty_like(of_found, memory_format=torch.contiguous_format)
            dist.all_to_all_single(of_sent, of_found.contiguous(), group=context.group)
            return of_sent, None

    return AllToAll
