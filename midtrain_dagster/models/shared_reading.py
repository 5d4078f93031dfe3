"""Reading texts of which much is the same: a prefix once for many rows, a context once for all that
may follow it.

A row holds a context and its branches behind one another; a branch sees the context and itself, and
its positions go on from the context's, so each branch gets what it would get alone. Rows stand
behind one prefix, of which keys and values are kept once and never copied to each row: queries of
all rows are folded into one product with them (as Hydragen does: Juravsky et al. 2024, arXiv
2402.05099; here the scores of both parts are joined before the softmax, so nothing has to be
combined afterwards). What a row has read is kept in one buffer that is written in place, where
``DynamicCache`` copies all of it at each token.

It is an attention of transformers under a name of its own, and needs nothing else of a family. What
else an attention does (caps, sinks, biases), and layers that are no attention, would be read
wrongly: whether a model can be read so is tried on it (:func:`can_share`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

from midtrain_dagster.models import head
from midtrain_dagster.models.attention.carried import TOLD, NotCarriedError

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

NAME = "shared_reading"
"""What transformers knows the attention by."""

NOISE = 1e-3
"""How far a hidden state may lie from that of each branch read alone, over its largest number."""

MORE_ROOM = 128
"""Tokens by which the buffer of a row grows beyond what is read."""

SCORES = 2**26
"""Scores of attention that are held at a time, behind a prefix (256 MiB in float32)."""

_CHANGES_WITH_LENGTH = ("dynamic", "longrope")
"""Kinds of RoPE whose angles at a position depend on how long the whole is."""


class Memory:
    """What rows have read: the prefix that they share, and keys and values of their own."""

    def __init__(self, prefix: "Memory | None" = None) -> None:
        """Rows that go on from what the one row of ``prefix`` has read; none: from nothing."""
        self.prefix = prefix
        self.read = 0
        """Columns of each row, those of padding among them."""
        self._own: dict[int, tuple[Tensor, Tensor]] = {}
        self._room = 0

    def select(self, rows: "Tensor") -> None:
        """Keep these rows, in this order; a row may be there several times."""
        self._own = {
            layer: (keys.index_select(0, rows), values.index_select(0, rows))
            for layer, (keys, values) in self._own.items()
        }

    def write(self, layer: int, keys: "Tensor", values: "Tensor") -> "tuple[Tensor, Tensor]":
        """Add the keys and values [rows, heads, n, width] of a layer, and return all of its own."""
        end = self.read + keys.shape[2]
        if self.read == 0:
            self._own[layer] = keys, values
            return keys, values
        kept = self._own[layer]
        if kept[0].shape[2] < end:
            kept = self._own[layer] = tuple(_grown(each, self.read, end) for each in kept)  # type: ignore[assignment]
        for whole, new in zip(kept, (keys, values), strict=True):
            whole[:, :, self.read : end] = new
        return kept[0][:, :, :end], kept[1][:, :, :end]

    def before(self, layer: int) -> "tuple[Tensor, Tensor] | None":
        """Keys and values [heads, n, width] of the prefix, where there is one."""
        if self.prefix is None:
            return None
        keys, values = self.prefix._own[layer]
        return keys[0, :, : self.prefix.read], values[0, :, : self.prefix.read]


def _grown(kept: "Tensor", read: int, end: int) -> "Tensor":
    larger = kept.new_empty(*kept.shape[:2], end + MORE_ROOM, kept.shape[3])
    larger[:, :, :read] = kept[:, :, :read]
    return larger


class _Call:
    def __init__(self, memory: Memory, visible: "Tensor | None") -> None:
        self.memory, self.visible = memory, visible


_call: ContextVar[_Call | None] = ContextVar("what a call of the model reads", default=None)


@contextmanager
def shared_reading(model: "PreTrainedModel") -> Iterator[None]:
    """A context in which a model reads by :func:`read`."""
    _register()
    before = model.config._attn_implementation
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def read(
    model: "PreTrainedModel",
    ids: "Tensor",
    positions: "Tensor",
    memory: Memory,
    visible: "Tensor | None" = None,
) -> "Tensor":
    """The last hidden states [rows, n, H] of tokens [rows, n], which the memory keeps.

    ``visible`` [rows, n, all that the rows have read] says which columns of its own row a token
    sees, beside the whole prefix; none: those before it. Within :func:`shared_reading` only.
    """
    token = _call.set(_Call(memory, visible))
    try:
        below = head.below_head(model)
        output = below(input_ids=ids, position_ids=positions, use_cache=False)
    finally:
        _call.reset(token)
    memory.read += ids.shape[1]
    return output.last_hidden_state


@cache
def _register() -> None:
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, _attention)


def _attention(
    module: Any,
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    attention_mask: Any,
    **others: Any,
) -> "tuple[Tensor, None]":
    """What a layer calls; see ``integrations.sdpa_attention.sdpa_attention_forward``."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    call = _call.get()
    if call is None or attention_mask is not None:
        raise NotCarriedError("it is called in another way than by `read`")
    for name, meaning in TOLD.items():
        if others.get(name) is not None:
            raise NotCarriedError(meaning)
    memory, visible = call.memory, call.visible
    is_first, before = memory.read == 0, memory.before(module.layer_idx)
    keys, values = memory.write(module.layer_idx, key, value)
    rows, heads, count, width = query.shape
    if before is None and is_first:
        groups = heads // key.shape[1]
        mask = None if visible is None else visible[:, None]
        made = scaled_dot_product_attention(
            query,
            keys.repeat_interleave(groups, 1),
            values.repeat_interleave(groups, 1),
            mask,
            is_causal=mask is None,
            scale=others.get("scaling"),
        )
        return made.transpose(1, 2), None
    if visible is None:
        seen = torch.ones(count, keys.shape[2], dtype=torch.bool, device=key.device)
        visible = seen.tril(keys.shape[2] - count)[None]
    asked = query * (others.get("scaling") or width**-0.5)
    columns = keys.shape[2] + (0 if before is None else before[0].shape[1])
    step = max(1, SCORES // (rows * heads * columns))
    parts = [
        _attended(asked[:, :, at : at + step], keys, values, before, visible[:, at : at + step])
        for at in range(0, count, step)
    ]
    return torch.cat(parts, 2).transpose(1, 2), None


def _attended(
    asked: "Tensor",
    keys: "Tensor",
    values: "Tensor",
    before: "tuple[Tensor, Tensor] | None",
    visible: "Tensor",
) -> "Tensor":
    """Attention of scaled queries [rows, heads, n, width] to a prefix and to what is ``visible``
    [rows or 1, n, columns] of their own row."""
    import torch

    rows, heads, count, width = asked.shape
    kv_heads = keys.shape[1]
    groups = heads // kv_heads
    # The heads that share keys are folded into the queries, so that no key is copied for them.
    asked = asked.reshape(rows, kv_heads, groups * count, width)
    scores = (asked @ keys.transpose(2, 3)).view(rows, kv_heads, groups, count, -1)
    scores = scores.masked_fill(~visible[:, None, None], -torch.inf)
    scores = scores.view(rows, kv_heads, groups * count, -1)
    if before is None:
        made = scores.softmax(-1, dtype=torch.float32).to(values.dtype) @ values
    else:
        far = asked.transpose(0, 1).reshape(kv_heads, -1, width) @ before[0].transpose(1, 2)
        near = far.shape[2]
        far = far.view(kv_heads, rows, groups * count, near).transpose(0, 1)
        weights = torch.cat([far, scores], 3).softmax(-1, dtype=torch.float32).to(values.dtype)
        of_prefix = weights[..., :near].transpose(0, 1).reshape(kv_heads, -1, near) @ before[1]
        of_prefix = of_prefix.view(kv_heads, rows, groups * count, -1).transpose(0, 1)
        made = of_prefix + weights[..., near:] @ values
    return made.reshape(rows, heads, count, -1)


def can_share(model: "PreTrainedModel", longest: int) -> bool:
    """Whether a model can be read so, in texts of at most ``longest`` tokens: what it makes of a
    row of two branches behind a prefix is what it makes of each alone.

    It costs four forward passes over a few tokens. The model is in eval mode, and its head plain
    (``head.has_plain_head``).
    """
    import torch

    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    chunk = getattr(config, "attention_chunk_size", None)
    rope = getattr(config, "rope_parameters", None) or {}
    if any(limit is not None and limit < longest for limit in (window, chunk)):
        return False
    if any(kind in str(rope) for kind in _CHANGES_WITH_LENGTH):
        return False
    if not (model._can_set_attn_implementation() and head.has_plain_head(model)):
        return False
    ids = 7 * torch.arange(9, device=model.device) % head.vocabulary_size(model)
    prefix, context, left, right = ids.tensor_split([2, 4, 6])
    with torch.inference_mode():
        try:
            shared = _of_branches(model, prefix, context, [left, right])
        except (NotCarriedError, AttributeError, KeyError, RuntimeError, TypeError, ValueError):
            return False
        for branch, found in zip([left, right], shared, strict=True):
            whole = torch.cat([prefix, context, branch])[None]
            places = torch.arange(whole.shape[1], device=model.device)[None]
            alone = head.hidden_states(model, whole, places)[0, -len(branch) :]
            if (alone - found).abs().max() > _noise(alone):
                return False
    return True


def _noise(states: "Tensor") -> float:
    import torch

    return float(states.abs().max()) * max(NOISE, 8 * torch.finfo(states.dtype).eps)


def _of_branches(
    model: "PreTrainedModel", prefix: "Tensor", context: "Tensor", branches: "Sequence[Tensor]"
) -> "list[Tensor]":
    import torch

    row = torch.cat([context, *branches])[None]
    owner = torch.cat([torch.full_like(each, at) for at, each in enumerate([context, *branches])])
    start = len(prefix) + len(context)
    after = [torch.arange(start, start + len(each)) for each in branches]
    places = torch.cat([torch.arange(len(prefix), start), *after])[None].to(row.device)
    with shared_reading(model):
        first = Memory()
        at = torch.arange(len(prefix), device=row.device)[None]
        read(model, prefix[None], at, first)
        states = read(model, row, places, Memory(first), visible_by(owner[None]))[0]
    return list(states[len(context) :].split([len(each) for each in branches]))


def visible_by(owner: "Tensor") -> "Tensor":
    """What each token of rows sees: tokens before it that are of the context (``owner`` 0) or of
    its own branch (1 and up). ``owner`` is [rows, n], the result [rows, n, n]."""
    import torch

    count = owner.shape[1]
    earlier = torch.ones(count, count, dtype=torch.bool, device=owner.device).tril()
    is_own = owner[:, :, None] == owner[:, None, :]
    return earlier & (is_own | (owner[:, None, :] == 0))
