"""What a model answers after long contexts, each of which it reads once.

Items of one context length are read together, and the keys and values of their contexts are kept;
every question with every answer is a short forward pass over them. So a context of L tokens with K
answers costs L tokens and K times the few of question and answer, and memory grows with one batch
of contexts (:data:`BATCH_TOKENS`), not with the number of answers. The cache is never written to:
transformers' growing caches make new tensors where they grow, so each pass goes on from a copy of
the references; caches of another kind are copied whole.

What is written is greedy, from the same cache.
"""

import copy
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from midtrain_dagster.long_context.items import Item
from midtrain_dagster.models import head

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

VERSION = 1

BATCH_TOKENS = 8192
"""Tokens of contexts that are read together; one longer context still goes through."""


class Answered(NamedTuple):
    """What a model makes of an item."""

    likelihoods: tuple[np.ndarray, ...]
    """For each ranked question the log-likelihood of each answer, in nats, float64."""
    written: np.ndarray
    """The tokens that it writes after the question whose references are known."""


def answers(
    model: "PreTrainedModel", items: Sequence[Item], *, ends: Sequence[int] = ()
) -> list[Answered]:
    """What the model makes of each item, in their order; ``ends`` are tokens that end a text.

    The model is in eval mode. One with rotary positions reads on beyond those that it was trained
    for, as one wants to see; of one with a table of positions, items beyond its end raise
    ValueError before anything is read.
    """
    import torch

    config: Any = model.config.get_text_config()
    longest = max((item.tokens for item in items), default=0)
    if not getattr(config, "rope_parameters", None) and longest > config.max_position_embeddings:
        raise ValueError(
            f"an item has {longest:,} tokens, but the model's table of positions ends at "
            f"{config.max_position_embeddings:,}: ask for shorter lengths"
        )
    is_plain = head.has_plain_head(model)
    found: list[Answered | None] = [None] * len(items)
    for numbers in _batches(items):
        batch = [items[number] for number in numbers]
        with torch.inference_mode():
            cache = _read(model, torch.from_numpy(np.stack([item.context for item in batch])))
            likelihoods = _likelihoods(model, cache, batch, is_plain=is_plain)
            written = _written(model, cache, batch, ends)
        for number, each, text in zip(numbers, likelihoods, written, strict=True):
            found[number] = Answered(each, text)
    return [each for each in found if each is not None]


def _batches(items: Sequence[Item]) -> Iterator[list[int]]:
    """Numbers of items whose contexts are equally long, longest first: memory is short at once."""
    by_length: dict[int, list[int]] = {}
    for number, item in enumerate(items):
        by_length.setdefault(len(item.context), []).append(number)
    for length, numbers in sorted(by_length.items(), reverse=True):
        step = max(1, BATCH_TOKENS // max(1, length))
        for start in range(0, len(numbers), step):
            yield numbers[start : start + step]


def _read(model: "PreTrainedModel", contexts: "Tensor") -> Any:
    """The keys and values of contexts [n, C]."""
    from transformers import DynamicCache

    cache = DynamicCache(config=model.config)
    _hidden(model, contexts, cache)
    return cache


def _hidden(model: Any, ids: "Tensor", cache: Any) -> "Tensor":
    """The last hidden states of tokens that go on from a cache, which grows by them."""
    ids = ids.to(model.device)
    output = head.below_head(model)(input_ids=ids, past_key_values=cache, use_cache=True)
    return output.last_hidden_state


def _copied(cache: Any) -> Any:
    """A cache that can grow without the other growing."""
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    if any(type(layer) not in (DynamicLayer, DynamicSlidingWindowLayer) for layer in cache.layers):
        return copy.deepcopy(cache)
    twin = copy.copy(cache)
    twin.layers = [copy.copy(layer) for layer in cache.layers]
    return twin


def _likelihoods(
    model: "PreTrainedModel", cache: Any, batch: Sequence[Item], *, is_plain: bool
) -> list[tuple[np.ndarray, ...]]:
    """Of each item, for each of its questions, the log-likelihoods of the answers."""
    found = [[np.zeros(len(each.answers)) for each in item.ranked] for item in batch]
    for question in range(max(len(item.ranked) for item in batch)):
        asked = [item.ranked[question] if question < len(item.ranked) else None for item in batch]
        for answer in range(max(len(each.answers) for each in asked if each)):
            rows = [
                (each.question, each.answers[answer])
                if each is not None and answer < len(each.answers)
                # An item with fewer questions or answers goes along, and what comes is dropped.
                else (item.ranked[0].question, item.ranked[0].answers[0])
                for item, each in zip(batch, asked, strict=True)
            ]
            scored = _scored(model, _copied(cache), rows, is_plain=is_plain)
            for number, each in enumerate(asked):
                if each is not None and answer < len(each.answers):
                    found[number][question][answer] = scored[number]
    return [tuple(each) for each in found]


def _scored(
    model: "PreTrainedModel",
    cache: Any,
    rows: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    is_plain: bool,
) -> np.ndarray:
    """The log-likelihood of the second of each pair behind the context and the first: [n]."""
    import torch
    from torch.nn.functional import cross_entropy

    longest = max(len(question) + len(answer) for question, answer in rows)
    ids = np.zeros((len(rows), longest), np.int64)
    is_answer = np.zeros((len(rows), longest - 1), bool)
    for row, (question, answer) in enumerate(rows):
        stop = len(question) + len(answer)
        ids[row, :stop] = np.concatenate([question, answer])
        is_answer[row, len(question) - 1 : stop - 1] = True
    # Padding stands behind, where a causal model's answers cannot see it.
    given = torch.from_numpy(ids).to(model.device)
    wanted = torch.from_numpy(is_answer).to(model.device)
    if is_plain:
        hidden = _hidden(model, given[:, :-1], cache)[wanted]
        logits = model.get_output_embeddings()(hidden)
    else:
        whole: Any = model
        logits = whole(input_ids=given[:, :-1], past_key_values=cache, use_cache=True).logits
        logits = logits[wanted]
    losses = cross_entropy(logits.float(), given[:, 1:][wanted], reduction="none")
    owners = np.repeat(np.arange(len(rows)), is_answer.sum(axis=1))
    return -np.bincount(owners, losses.double().cpu().numpy(), minlength=len(rows))


def _written(
    model: "PreTrainedModel", cache: Any, batch: Sequence[Item], ends: Sequence[int]
) -> list[np.ndarray]:
    """What is written after each item's question, greedily."""
    found = [np.empty(0, np.int64)] * len(batch)
    by_length: dict[tuple[int, int], list[int]] = {}
    for number, item in enumerate(batch):
        by_length.setdefault((len(item.asked), item.new_tokens), []).append(number)
    for (_, new), numbers in by_length.items():
        questions = np.stack([batch[number].asked for number in numbers])
        own = _copied(cache)
        if len(numbers) < len(batch):
            import torch

            own.batch_select_indices(torch.tensor(numbers, device=model.device))
        for number, tokens in zip(numbers, _greedy(model, own, questions, new, ends), strict=True):
            found[number] = tokens
    return found


def _greedy(
    model: Any, cache: Any, questions: np.ndarray, new: int, ends: Sequence[int]
) -> list[np.ndarray]:
    """The likeliest tokens behind questions [n, Q], one by one, up to ``new`` or an end."""
    import torch

    given, written = torch.from_numpy(questions).to(model.device), []
    open_ = np.ones(len(questions), bool)
    for _ in range(new):
        output = model(input_ids=given, past_key_values=cache, use_cache=True, logits_to_keep=1)
        given = output.logits[:, -1].argmax(-1, keepdim=True)
        written.append(given[:, 0].cpu().numpy())
        open_ &= ~np.isin(written[-1], list(ends))
        if not open_.any():
            break
    rows = np.stack(written, axis=1)
    is_end = np.isin(rows, list(ends))
    lengths = np.where(is_end.any(axis=1), is_end.argmax(axis=1), rows.shape[1])
    return [row[:length] for row, length in zip(rows, lengths, strict=True)]
