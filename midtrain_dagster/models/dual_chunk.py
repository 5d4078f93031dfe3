"""DCA: dual chunk attention (An et al. 2024, arXiv 2402.17463), without training.

A model that was trained on windows of ``L`` tokens reads longer ones without an angle that it has
not seen: positions of keys restart at every chunk, and a query is rotated three times, for keys of
its own chunk (true distances), of the chunk before (true as far as the local window reaches, the
largest position behind it) and of all earlier ones (the largest position). The paper merges three
softmaxes by their log-sums; over the scores side by side one softmax is the same, and is what is
computed here, a block of queries at a time: memory grows with the length and not with its square,
time with its square as ever. Speed is not what it is for: a serving engine has kernels (vLLM's
``dual_chunk_attention_config``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from midtrain_dagster.models.head import PROBE, below_head, hidden_states, vocabulary_size

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

NAME = "dual_chunk"
BLOCK = 64
"""Queries whose scores exist at a time."""


class Chunks(NamedTuple):
    """How a window of the training is divided (the paper's section 4.1: three quarters of it are
    one chunk with its local window, an eighth is that window)."""

    stride: int
    """Tokens of a chunk, s: keys' positions restart after so many."""
    largest: int
    """The largest position of a query, c - 1."""

    @classmethod
    def of(cls, window: int) -> "Chunks":
        """Those of a model that was trained on windows of so many tokens."""
        if window < 8:
            raise ValueError(f"a window of {window} tokens has no chunks: 8 at least")
        return cls(window * 3 // 4 - window // 8, window * 3 // 4 - 1)


class DualChunkError(ValueError):
    """A model whose attention cannot be divided this way."""


@contextmanager
def dual_chunk_attention(model: "PreTrainedModel", window: int) -> Iterator[None]:
    """Inside, ``model`` reads windows [n, L] of one document each by dual chunk attention, as one
    trained on ``window`` tokens; afterwards it is as before.

    Raises :class:`DualChunkError` for a model whose positions are not rotated in one place for all
    layers, by halves of a head, or whose layers see a window alone.
    """
    import torch
    from transformers import AttentionInterface

    rotary = getattr(below_head(model), "rotary_emb", None)
    kinds = set(getattr(model.config, "layer_types", None) or ["full_attention"])
    if rotary is None or kinds != {"full_attention"} or not hasattr(rotary, "inv_freq"):
        raise DualChunkError(
            f"{type(model).__name__}: its layers do not all rotate alike and see everything, so "
            "dual chunk attention cannot take their place"
        )
    chunks, rotated = Chunks.of(window), rotary.forward

    def unrotated(x: Any, position_ids: Any, **more: Any) -> Any:
        cos, sin = rotated(x, position_ids, **more)
        return torch.ones_like(cos), torch.zeros_like(sin)

    def attend(_: Any, query: Any, key: Any, value: Any, *rest: Any, **more: Any) -> Any:
        return _attended(query, key, value, more.get("scaling"), chunks, rotated), None

    before = model.config._attn_implementation
    ids = (torch.arange(PROBE, device=model.device) % vocabulary_size(model))[None]
    with torch.no_grad():
        expected = hidden_states(model, ids)
    AttentionInterface.register(NAME, attend)
    rotary.forward = unrotated
    model.config._attn_implementation = NAME
    try:
        with torch.no_grad():
            if not torch.allclose(hidden_states(model, ids), expected, rtol=1e-3, atol=1e-3):
                raise DualChunkError(
                    f"{type(model).__name__}: within a chunk its hidden states are not its own, so "
                    "it rotates otherwise than by halves of a head, or not in every layer"
                )
        yield
    finally:
        model.config._attn_implementation = before
        del rotary.forward


def _attended(
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    scale: float | None,
    chunks: Chunks,
    rotary: Any,
) -> "Tensor":
    """Attention [n, L, heads, d] of queries [n, heads, L, d] over keys and values [n, kv heads, L,
    d] that are not rotated yet."""
    import torch

    length, heads, stride = query.shape[2], query.shape[1], chunks.stride
    query = query * (query.shape[-1] ** -0.5 if scale is None else scale)
    places = torch.arange(length, device=query.device)
    rotate = _Rotation(rotary, query, stride + chunks.largest + 1)
    keys = rotate(key, places % stride).repeat_interleave(heads // key.shape[1], dim=1)
    values = value.repeat_interleave(heads // value.shape[1], dim=1)
    made = []
    for chunk in range(0, length, stride):
        previous = max(0, chunk - stride)
        for start in range(chunk, min(chunk + stride, length), BLOCK):
            stop = min(start + BLOCK, chunk + stride, length)
            block, inside = query[:, :, start:stop], places[start:stop] % stride
            beyond = torch.clamp(inside + stride, max=chunks.largest)
            furthest = torch.full_like(inside, chunks.largest)
            parts = (
                (furthest, keys[:, :, :previous]),
                (beyond, keys[:, :, previous:chunk]),
                (inside, keys[:, :, chunk:stop]),
            )
            scores = torch.cat(
                [rotate(block, at) @ part.transpose(2, 3) for at, part in parts if part.shape[2]],
                dim=-1,
            ).float()
            unseen = places[None, start:stop] > places[start:stop, None]
            scores[..., start:].masked_fill_(unseen, -torch.inf)
            weights = scores.softmax(dim=-1).to(values.dtype)
            made.append(weights @ values[:, :, :stop])
    return torch.cat(made, dim=2).transpose(1, 2).contiguous()


class _Rotation:
    """Rotation by halves of a head, at positions that are asked for."""

    def __init__(self, rotary: Any, like: "Tensor", positions: int) -> None:
        import torch

        every = torch.arange(positions, device=like.device)[None]
        cos, sin = rotary(like, every)
        self._cos, self._sin = cos[0], sin[0]

    def __call__(self, heads: "Tensor", places: "Tensor") -> "Tensor":
        import torch

        cos, sin = self._cos[places], self._sin[places]
        turned, rest = heads[..., : cos.shape[-1]], heads[..., cos.shape[-1] :]
        low, high = turned.chunk(2, dim=-1)
        turned = turned * cos + torch.cat([-high, low], dim=-1) * sin
        return torch.cat([turned, rest], dim=-1) if rest.shape[-1] else turned
