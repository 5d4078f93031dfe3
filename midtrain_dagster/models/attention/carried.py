"""Which models attend document by document, and how they are told the documents.

The attention is registered with transformers under a name of its own, beside its own SDPA; so is
what stands in the mask's place: no matrix, but the documents of the batch and the layer's sliding
window. A model is switched to it where that changes nothing but the order of sums, which is tried
on it and not looked up: caps, sinks, biases, chunks and masks of its own are not carried, and such
a model keeps its SDPA and the mask that transformers makes of positions.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from midtrain_dagster.models.attention.documents import Documents
from midtrain_dagster.models.attention.exchange import Exchange
from midtrain_dagster.models.attention.within import SHORT, attention_within

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

NAME = "within_documents"
"""What transformers knows it by."""

NOISE = 1e-4
"""How far a layer's attention may lie from SDPA's with a mask, over its largest number: a hundred
times what rounding in float32 moves."""

PROBE = (7, 15, 8)
"""Tokens of documents, in turn, on which it is tried; no family has fewer positions."""

TOLD = {
    "softcap": "its scores are capped",
    "s_aux": "it has attention sinks",
    "position_bias": "positions are added to its scores",
}
"""What attention may be told beside its scale that is not carried, and what it means."""


class NotCarriedError(ValueError):
    """Attention that is more than causal within documents; it says what."""


@dataclass(frozen=True)
class Seen:
    """What stands in the place of a mask."""

    documents: Documents
    sliding: int | None
    exchange: Exchange | None = None
    mask: "Tensor | None" = None
    """What stood there, where the two are compared."""


@dataclass(frozen=True)
class _Batch:
    documents: Documents
    exchange: Exchange | None


_batch: ContextVar[_Batch | None] = ContextVar("documents of the batch", default=None)
_tried: ContextVar[int] = ContextVar("both ways are compared, for so many workers", default=0)


@contextmanager
def documents_of_batch(documents: Documents, exchange: Exchange | None = None) -> Iterator[None]:
    """A context for a model's call: its windows hold these documents.

    With an ``exchange`` the model's windows are a worker's part of theirs.
    """
    token = _batch.set(_Batch(documents, exchange))
    try:
        yield
    finally:
        _batch.reset(token)


@contextmanager
def documents_by(model: "PreTrainedModel", position_ids: "Tensor | None") -> Iterator[None]:
    """A context for a model's call: of a carried model, positions [n, L] say the documents, unless
    the batch is known (:func:`documents_of_batch`); without any, each window is one."""
    if position_ids is None or not is_carried(model) or _batch.get() is not None:
        yield
        return
    with documents_of_batch(Documents.of_positions(position_ids)):
        yield


def is_carried(model: "PreTrainedModel") -> bool:
    """Whether a model attends document by document."""
    return bool(model.config.get_text_config()._attn_implementation == NAME)


def attend_by_documents(model: "PreTrainedModel", *, workers: int = 1) -> str | None:
    """Switch a model to attention within documents; why not, where it keeps its own.

    ``workers`` share each window (``exchange.py``): its heads have to be divided among them.

    It costs a forward pass over three hundred tokens. Each layer's attention is held against what
    SDPA makes of the same queries with transformers' own mask, so that the answer depends on the
    family and not on rounding that weights or routers enlarge: a resumed run gets the same one.
    The model is in eval mode.
    """
    _register()
    if not may_be_carried(model):
        return "it does not let its attention be chosen, or attends within chunks"
    before = model.config._attn_implementation
    try:
        model.set_attn_implementation(NAME)
        with _trial(workers):
            _try(model)
    except NotCarriedError as error:
        model.set_attn_implementation(before)
        return str(error)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        model.set_attn_implementation(before)
        return f"its layers want a matrix for a mask ({type(error).__name__})"
    return None


def may_be_carried(model: "PreTrainedModel") -> bool:
    """What can be said without a forward pass: whether the code lets attention be chosen, and no
    layer attends within chunks, which are longer than what is tried."""
    chunked = any(
        getattr(config, "attention_chunk_size", None)
        for config in (model.config, model.config.get_text_config())
    )
    return bool(model._can_set_attn_implementation()) and not chunked


@contextmanager
def _trial(workers: int) -> Iterator[None]:
    token = _tried.set(workers)
    try:
        yield
    finally:
        _tried.reset(token)


def _try(model: "PreTrainedModel") -> None:
    """A window of documents, and one with padding; longer than those that keep their mask."""
    import torch

    lengths = PROBE * (SHORT // sum(PROBE) + 1)
    packed = torch.cat([torch.arange(count) for count in lengths])
    padded = torch.cat([packed[: sum(PROBE)], torch.zeros_like(packed[sum(PROBE) :])])
    positions = torch.stack([packed, padded])
    ids = 7 * torch.arange(positions.numel()).view_as(positions)
    ids = (ids % model.config.get_text_config().vocab_size).to(model.device)
    with torch.no_grad(), documents_of_batch(Documents.of_positions(positions)):
        model(input_ids=ids, position_ids=positions.to(model.device), use_cache=False)


@cache
def _register() -> None:
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface

    AttentionInterface.register(NAME, _attention)
    AttentionMaskInterface.register(NAME, _mask)


def _mask(
    batch_size: int,
    q_length: int,
    kv_length: int,
    *,
    attention_mask: "Tensor | None" = None,
    local_size: int | None = None,
    use_vmap: bool = False,
    **others: Any,
) -> Seen:
    """What transformers' makers of masks call; see ``masking_utils.sdpa_mask``."""
    if use_vmap:
        raise NotCarriedError("it masks more than positions say")
    if attention_mask is not None or q_length != kv_length:
        raise NotCarriedError("it attends to more than the windows it is given")
    batch = _batch.get() or _Batch(Documents.whole(batch_size, q_length), None)
    mask = None
    if _tried.get():
        from transformers.masking_utils import sdpa_mask

        mask = sdpa_mask(batch_size, q_length, kv_length, local_size=local_size, **others)
    return Seen(batch.documents, local_size, batch.exchange, mask)


def _attention(
    module: Any,
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    attention_mask: Any,
    **others: Any,
) -> "tuple[Tensor, None]":
    """What a layer calls; see ``integrations.sdpa_attention.sdpa_attention_forward``."""
    seen, scale = attention_mask, others.get("scaling")
    if not isinstance(seen, Seen):
        raise NotCarriedError("a layer makes a mask of its own")
    _check_plain(module, others)
    if seen.exchange is not None:
        query, key, value = (seen.exchange.to_heads(each) for each in (query, key, value))
    found = attention_within(query, key, value, seen.documents, sliding=seen.sliding, scale=scale)
    if workers := _tried.get():
        if key.shape[1] % workers:
            raise NotCarriedError(
                f"its {key.shape[1]} heads of keys are not divided among {workers} workers"
            )
        _compare(found, module, query, key, value, seen.mask, others)
    return found if seen.exchange is None else seen.exchange.to_tokens(found), None


def _check_plain(module: Any, told: dict[str, Any]) -> None:
    for name, meaning in TOLD.items():
        if told.get(name) is not None:
            raise NotCarriedError(meaning)
    is_causal = told.get("is_causal")
    if not (getattr(module, "is_causal", True) if is_causal is None else is_causal):
        raise NotCarriedError("it looks ahead")
    if told.get("dropout"):
        raise NotCarriedError("it drops scores")


def _compare(found: "Tensor", *attended: Any) -> None:
    """Raise :class:`NotCarriedError` where SDPA with a mask finds something else."""
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    *given, others = attended
    wanted, _ = sdpa_attention_forward(*given, **others)
    apart = float((found - wanted).abs().max() / wanted.abs().max().clamp(min=1e-12))
    if not apart <= max(NOISE, 4 * torch.finfo(wanted.dtype).eps):
        raise NotCarriedError(f"its documents are others than positions say ({apart:.2g})")
