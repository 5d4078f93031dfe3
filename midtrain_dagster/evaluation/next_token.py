"""What a checkpoint makes of each next token: the one forward pass that every loss here uses.

Windows of different lengths are padded on the right and need no attention mask, since a causal
model's earlier positions cannot see the padding. Where the model's head is plain, logits are made
in slices, so that the memory of a long window grows with its length and not with length times
vocabulary. A model that scales or caps its logits makes them whole, and reads fewer windows at a
time (``models/head.py``).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from midtrain_dagster.models import head

if TYPE_CHECKING:
    from transformers import PreTrainedModel

VERSION = 1

BATCH_TOKENS = 8192
"""Positions of one forward pass, padding included. A single longer window still goes through."""


def next_token_losses(model: "PreTrainedModel", windows: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The loss of every token but the first of each window, given the tokens before it.

    ``windows`` are arrays of token ids (any length of at least 2). Returns, in the same order, one
    float32 array of nats for each window, shorter by one than the window.
    """
    import torch

    is_plain = head.has_plain_head(model)
    whole_logits = max(1, head.LOGITS // head.vocabulary_size(model))
    positions = BATCH_TOKENS if is_plain else min(BATCH_TOKENS, whole_logits)
    order = sorted(range(len(windows)), key=lambda index: -len(windows[index]))
    losses: list[np.ndarray] = [np.empty(0, np.float32)] * len(windows)
    start = 0
    while start < len(order):
        longest = len(windows[order[start]]) - 1
        batch = order[start : start + max(1, positions // longest)]
        lengths = np.array([len(windows[index]) - 1 for index in batch])
        ids = np.zeros((len(batch), longest + 1), np.int64)
        for row, index in enumerate(batch):
            ids[row, : lengths[row] + 1] = windows[index]
        is_real = np.arange(longest) < lengths[:, None]
        with torch.inference_mode():
            scored = head.next_token_losses(
                model,
                torch.from_numpy(ids).to(model.device),
                torch.from_numpy(is_real).to(model.device),
                is_plain=is_plain,
            )
        each = np.split(scored.cpu().numpy(), np.cumsum(lengths)[:-1])
        for index, part in zip(batch, each, strict=True):
            losses[index] = part
        start += len(batch)
    return losses
