"""Causal attention within documents, in memory that grows with tokens and not with their square.

On a CPU, and on a GPU in float32, one call of PyTorch's scaled dot-product attention for each run
of documents of one length: its kernels keep no matrix of scores where they are told ``is_causal``.
On a GPU in half precision, one call of its variable-length flash attention for all (Dao 2023,
FlashAttention-2, arXiv 2307.08691; ``torch.nn.attention.varlen``).

A sliding window of w tokens is cut into blocks of w: a query sees its own block and the one before
(Beltagy et al. 2020, Longformer, arXiv 2004.05150, section 3.1), through one mask [w, 2w] for all.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from midtrain_dagster.models.attention.documents import Documents

if TYPE_CHECKING:
    from torch import Tensor

VERSION = 1
"""Of the numbers that it makes, to the last bit."""

SHORT = 128
"""Windows of up to so many tokens keep their mask: it is small, and one call with it is faster than
one for each of some dozens of documents (docs/performance.md)."""

HALF = ("torch.float16", "torch.bfloat16")
"""What flash attention computes in."""

FLASH_HEAD = 256
"""The largest head that flash attention takes."""


def attention_within(
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    documents: Documents,
    *,
    sliding: int | None = None,
    scale: float | None = None,
) -> "Tensor":
    """Attention of queries [n, heads, L, d] to the keys and values of their own document up to
    their own place, or the last ``sliding`` of them: [n, L, heads, width of a value].

    Keys and values may have fewer heads (GQA), and values a width of their own (MLA). ``scale`` of
    the scores (None: 1 over the root of d).
    """
    from torch.nn.functional import pad

    width = value.shape[-1]
    if width < query.shape[-1]:
        # Kernels want one width. Columns of zeros add nothing, and are cut off.
        value = pad(value, (0, query.shape[-1] - width))
    query, key, value = _in_one_type(query, key, value)
    if query.shape[2] <= SHORT and documents.runs != [(len(query), query.shape[2])]:
        found = _masked(query, key, value, documents, sliding, scale)
    elif _has_varlen(query):
        found = _varlen(query, key, value, documents, sliding, scale)
    else:
        found = _by_runs(query, key, value, documents, sliding, scale)
    return found[..., :width]


def backend(accelerator: str, precision: str) -> str:
    """What computes it there, in words."""
    if accelerator == "gpu" and precision == "bf16":
        return "variable-length flash attention"
    return "scaled dot-product attention, document by document"


def _in_one_type(*tensors: "Tensor") -> "tuple[Tensor, ...]":
    """As autocast would have them: it knows of no kernel but PyTorch's own."""
    import torch

    device = tensors[0].device.type
    if not torch.is_autocast_enabled(device):
        return tensors
    dtype = torch.get_autocast_dtype(device)
    return tuple(each.to(dtype) for each in tensors)


def _has_varlen(query: "Tensor") -> bool:
    return query.is_cuda and str(query.dtype) in HALF and query.shape[-1] <= FLASH_HEAD


def _varlen(
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    documents: Documents,
    sliding: int | None,
    scale: float | None,
) -> "Tensor":
    from torch.nn.attention.varlen import varlen_attn

    bounds, longest = documents.bounds(query.device), documents.longest
    q, k, v = (each.transpose(1, 2).flatten(0, 1) for each in (query, key, value))
    found = varlen_attn(
        q,
        k,
        v,
        bounds,
        bounds,
        longest,
        longest,
        scale=scale,
        # It counts the tokens before the query, not the query.
        window_size=(-1 if sliding is None else sliding - 1, 0),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert not isinstance(found, tuple)  # it is one where more is asked of it
    return found.unflatten(0, (len(query), -1))


def _masked(
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    documents: Documents,
    sliding: int | None,
    scale: float | None,
) -> "Tensor":
    from torch.nn.functional import scaled_dot_product_attention

    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        # With a mask, PyTorch's kernels of a GPU take no grouped heads.
        key, value = (each.repeat_interleave(groups, 1) for each in (key, value))
    mask = documents.mask(query.device, sliding)
    found = scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scale)
    return found.transpose(1, 2)


def _by_runs(
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    documents: Documents,
    sliding: int | None,
    scale: float | None,
) -> "Tensor":
    import torch

    rows, _, length, _ = query.shape
    if documents.runs == [(rows, length)]:
        return _of_run(query, key, value, sliding, scale).transpose(1, 2)
    sizes = [count * each for count, each in documents.runs]
    parts = [each.transpose(1, 2).flatten(0, 1).split(sizes) for each in (query, key, value)]
    found = []
    for (count, each), *tensors in zip(documents.runs, *parts, strict=True):
        q, k, v = (part.unflatten(0, (count, each)).transpose(1, 2) for part in tensors)
        found.append(_of_run(q, k, v, sliding, scale).transpose(1, 2).flatten(0, 1))
    return torch.cat(found).unflatten(0, (rows, length))


def _of_run(
    query: "Tensor", key: "Tensor", value: "Tensor", sliding: int | None, scale: float | None
) -> "Tensor":
    """Of documents of one length: [documents, heads, length, d]."""
    from torch.nn.functional import scaled_dot_product_attention

    given: dict[str, Any] = {"scale": scale, "enable_gqa": query.shape[1] != key.shape[1]}
    if sliding is None or query.shape[2] <= sliding:
        return scaled_dot_product_attention(query, key, value, is_causal=True, **given)
    return _sliding(query, key, value, sliding, given)


def _sliding(
    query: "Tensor", key: "Tensor", value: "Tensor", sliding: int, given: dict[str, Any]
) -> "Tensor":
    """Of documents that are longer than the window that slides."""
    import torch
    from torch.nn.functional import pad, scaled_dot_product_attention

    count, _, length, _ = query.shape
    blocks = -(-length // sliding)
    # What is added at the end is seen by no query before it.
    q, k, v = (
        pad(each, (0, 0, 0, blocks * sliding - length)).unflatten(2, (blocks, sliding))
        for each in (query, key, value)
    )
    first = scaled_dot_product_attention(
        q[:, :, 0], k[:, :, 0], v[:, :, 0], is_causal=True, **given
    )
    pairs = [torch.cat([each[:, :, :-1], each[:, :, 1:]], 3) for each in (k, v)]
    q, k, v = (each.transpose(1, 2).flatten(0, 1) for each in (q[:, :, 1:], *pairs))
    mask = _slides(sliding, q.device, q.dtype)
    others = scaled_dot_product_attention(q, k, v, attn_mask=mask, **given)
    others = others.unflatten(0, (count, blocks - 1)).transpose(1, 2).flatten(2, 3)
    return torch.cat([first, others], 2)[:, :, :length]


@lru_cache(maxsize=4)
def _slides(sliding: int, device: Any, dtype: Any) -> "Tensor":
    """What is added to the scores of a block's queries, of two blocks' keys: [w, 2w]."""
    import torch

    # It outlives the call: one that was made for an evaluation may serve a backward pass.
    with torch.inference_mode(mode=False):
        query = torch.arange(sliding, 2 * sliding, device=device)[:, None]
        place = torch.arange(2 * sliding, device=device)
        unseen = (place > query) | (place <= query - sliding)
        return torch.zeros_like(unseen, dtype=dtype).masked_fill_(unseen, float("-inf"))
