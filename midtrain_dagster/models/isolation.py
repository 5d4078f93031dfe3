"""Whether documents that share a window see each other, tried on a model and not looked up.

Positions that restart keep packed documents apart where a model's attention is transformers' own
SDPA with a mask made of them (``head.py``). Of some families nothing does: ALiBi and learnt
positions that count by themselves (Falcon, OPT), recurrent and convolutional layers whose state
runs on (Jamba, Qwen3-Next, and every other with linear attention), attention with a mask of its
own. transformers says nothing of it, and the loss gives no sign.
"""

from typing import TYPE_CHECKING

from midtrain_dagster.models.head import logits, vocabulary_size

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PROBE = 12
"""Tokens of each of the two documents: more than a convolution sees, and any state carries on."""

NOISE = 1e-5
"""What rounding in float32 moves, as a share of the largest logit; documents that are kept apart
move each other's by nothing at all or a hundredth of that, leaks by a thousandth of it and more."""


def crossing(model: "PreTrainedModel") -> float:
    """How far one document's logits move when another in its window becomes another text, over the
    largest logit: 0 where they are apart.

    One forward pass over three windows of 24 tokens. The model is in eval mode.
    """
    import torch

    places = torch.arange(PROBE, device=model.device)
    size = vocabulary_size(model)
    first, second, other = (
        (start + places * step) % size for start, step in ((3, 1), (5, 2), (7, 3))
    )
    pairs = ((first, second), (other, second), (first, other))
    ids = torch.stack([torch.cat(pair) for pair in pairs])
    with torch.no_grad():
        found = logits(model, ids, places.repeat(2).expand(len(pairs), -1)).float()
    moved = (found[1] - found[0])[PROBE:], (found[2] - found[0])[:PROBE]
    return float(max(each.abs().max() for each in moved) / found.abs().max().clamp(min=1e-12))
