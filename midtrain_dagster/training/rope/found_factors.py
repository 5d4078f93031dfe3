"""LongRoPE's factors of a stage that searches for them: found before its first step, on held-out
documents, and written into its model and its config.

A score is a forward pass over all the documents, rotated by the factors in question. What is found
stands in every checkpoint's ``config.json``, so a stage that was cut goes on with it. The search
itself is not kept on the way: one that is cut begins anew, and finds the same, as all its draws
come from the stage's seed. The model has to fit onto one device whole.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from midtrain_dagster.models import head
from midtrain_dagster.models.rotation import renew_rotation
from midtrain_dagster.training.rope.apply import head_size
from midtrain_dagster.training.rope.layers import WHOLE, is_by_layer
from midtrain_dagster.training.rope.method import RopeError
from midtrain_dagster.training.rope.methods.longrope import LongRope
from midtrain_dagster.training.rope.search import Factors, searched

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from midtrain_dagster.tokens.shards import TokenShards

PASSAGE, CUE = 48, 1 / 3
"""Tokens of a passage that is repeated at the end of a document (at most a quarter of it), and what
part of them only says which it is: the others are scored."""


def find_factors(
    model: "PreTrainedModel",
    rope: LongRope,
    held_out: "TokenShards | None",
    *,
    length: int,
    seed: int,
) -> Factors:
    """Search the factors of a model that is scaled by LongRoPE already, put them into it and into
    its config, and return them. ``length`` are the tokens of the stage's windows.

    Raises ``RopeError`` where no held-out document is that long.
    """
    assert rope.search is not None
    settings = rope.search
    documents = longest_documents(held_out, length, settings.documents)
    scored = slice(None)
    if settings.score == "needles":
        draws, passage = np.random.default_rng(seed), min(PASSAGE, length // 4)
        documents = [with_repeated_passage(each, passage, draws) for each in documents]
        scored = slice(round(passage * CUE) - passage, None)
    is_plain = head.has_plain_head(model)

    def score(factors: Factors) -> float:
        put_factors(model, factors, rope.short_factors)
        losses = [_losses(model, each, is_plain=is_plain)[scored] for each in documents]
        return float(np.concatenate(losses).mean())

    parameters = _parameters(model.config)
    best, _ = searched(
        score,
        settings,
        base=float(parameters["rope_theta"]),
        size=int(head_size(model.config) * parameters.get("partial_rotary_factor", 1.0)),
        factor=model.config.max_position_embeddings / rope.original_length,
        original=rope.original_length,
        seed=seed,
    )
    put_factors(model, best, rope.short_factors)
    return best


def put_factors(
    model: "PreTrainedModel", long: Sequence[float], short: Sequence[float] | None = None
) -> None:
    """Rotate a model by these factors from now on; its config says them."""
    parameters = _parameters(model.config)
    parameters["long_factor"], parameters["short_factor"] = list(long), list(short or long)
    renew_rotation(model)


def _parameters(config: Any) -> dict[str, Any]:
    whole: dict[str, Any] = config.rope_parameters
    return whole[WHOLE] if is_by_layer(whole) else whole


def longest_documents(
    held_out: "TokenShards | None", length: int, documents: int
) -> list[np.ndarray]:
    """The beginnings, ``length`` tokens each, of the longest documents. Raises ``RopeError`` where
    none is that long."""
    lengths = np.zeros(0, np.int64) if held_out is None else np.asarray(held_out.lengths)
    order = np.argsort(-lengths, kind="stable")[:documents]
    long = [int(number) for number in order if lengths[number] >= length]
    if held_out is None or not long:
        raise RopeError(nothing_to_search(length, int(lengths.max(initial=0))))
    return [held_out.tokens(number, 0, length).astype(np.int64) for number in long]


def nothing_to_search(length: int, longest: int) -> str:
    """What is wrong where no held-out document is as long as a stage's windows."""
    return (
        f"LongRoPE's factors are searched on held-out documents of {length:,} tokens, and the "
        f"longest has {longest:,}: raise held_out, add longer documents, or give long_factors"
    )


def with_repeated_passage(
    document: np.ndarray, passage: int, draws: np.random.Generator
) -> np.ndarray:
    """A document whose last ``passage`` tokens repeat a passage of its first half."""
    at = int(draws.integers(0, max(1, len(document) // 2 - passage)))
    return np.concatenate([document[:-passage], document[at : at + passage]])


def _losses(model: "PreTrainedModel", document: np.ndarray, *, is_plain: bool) -> np.ndarray:
    import torch

    ids = torch.from_numpy(document).to(model.device)[None]
    with torch.inference_mode():
        real = torch.ones_like(ids[:, 1:], dtype=torch.bool)
        return head.next_token_losses(model, ids, real, is_plain=is_plain).cpu().numpy()
