"""Whether documents that share a window see each other, tried on a model and not looked up.

Positions that restart keep packed documents apart where a model's attention is transformers' own
SDPA with a mask made of them (``head.py``). Of some families nothing does: ALiBi and learnt
positions that count by themselves (Falcon, OPT), recurrent and convolutional layers whose state
runs on (Jamba, Qwen3-Next, and every other with linear attention), attention with a mask of its
own. transformers says nothing of it, and the loss gives no sign.
"""

from typing import TYPE_CHECKING

from midtrain_dagster.models.attention.within import SHORT
from midtrain_dagster.models.head import logits, vocabulary_size

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PROBE = (12, 11)
"""Tokens of documents, in turn: more than a convolution sees, any state carries on, and no family
has fewer positions. Of two lengths, since those of one are computed together."""

WINDOWS = (2, 2 * (SHORT // sum(PROBE) + 1))
"""Documents of a window: few, and so many that a model that attends by documents has no mask."""

NOISE = 1e-5
"""What rounding in float32 moves, as a share of the largest logit; documents that are kept apart
move each other's by nothing at all or a hundredth of that, leaks by a thousandth of it and more."""


def crossing(model: "PreTrainedModel") -> float:
    """How far documents' logits move when another in their window becomes another text, over the
    largest logit: 0 where they are apart.

    Two forward passes, over three windows of 23 tokens and three of 138: what computes attention
    differs by their length. The model is in eval mode, and attends by what it trains with, on the
    device that it is on.
    """
    return max(_crossing(model, count) for count in WINDOWS)


def _crossing(model: "PreTrainedModel", count: int) -> float:
    """Of windows with ``count`` documents; the first is changed, and the last."""
    import torch

    lengths = [PROBE[number % len(PROBE)] for number in range(count)]
    places = torch.cat([torch.arange(length, device=model.device) for length in lengths])
    number = torch.repeat_interleave(torch.tensor(lengths, device=model.device))
    size = vocabulary_size(model)
    ids = ((3 + 2 * number + places * (1 + number)) % size).expand(3, -1).clone()
    other = (7 + places * 3) % size
    first, last = number == 0, number == count - 1
    ids[1, first], ids[2, last] = other[first], other[last]
    with torch.no_grad():
        found = logits(model, ids, places.expand(3, -1)).float()
    moved = (found[1] - found[0])[~first], (found[2] - found[0])[~last]
    return float(max(each.abs().max() for each in moved) / found.abs().max().clamp(min=1e-12))
