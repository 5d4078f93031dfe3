"""What a model writes on: prompts of like length share a batch, the longest first.

A continuation ends where the model ends it, or at a stop string; one that does neither is cut at
its most tokens and says so. What is sampled is drawn from the task's seed, anew for each batch: a
checkpoint that is asked the same items in the same batches writes the same.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from midtrain_dagster.evaluation.method import Task, Written

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

VERSION = 1

LOOKED_BACK = 8
"""Tokens behind a stop string that are decoded again to find it, beside as many as it has bytes."""


def write(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    encoded: Sequence[Sequence[int]],
    tasks: Sequence[Task],
    *,
    batch_size: int,
) -> list[list[Written]]:
    """The continuations of each task, whose prompt is ``encoded``, as many as it has samples.

    Tasks that are to be written in another way are written apart.
    """
    written: dict[int, list[Written]] = {}
    ways = [task._replace(prompt="") for task in tasks]
    order = sorted(range(len(tasks)), key=lambda at: (ways[at], -len(encoded[at]), at))
    while order:
        first = tasks[order[0]]
        together = order[: max(1, batch_size // first.samples)]
        batch = [at for at in together if ways[at] == ways[order[0]]]
        order = order[len(batch) :]
        made = _batch(model, tokenizer, [encoded[at] for at in batch], first)
        written |= zip(batch, made, strict=True)
    return [written[at] for at in range(len(tasks))]


def _batch(
    model: Any, tokenizer: Any, prompts: Sequence[Sequence[int]], task: Task
) -> list[list[Written]]:
    import torch
    from transformers import GenerationConfig, StoppingCriteriaList

    longest = max(map(len, prompts))
    ends = _ends(model, tokenizer)
    padding = ends[0] if ends else 0
    ids = torch.full((len(prompts), longest), padding, dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        mask[row, longest - len(prompt) :] = 1

    looked = LOOKED_BACK + max((len(text.encode()) for text in task.until), default=0)

    def stopped(sequences: "torch.Tensor", _: Any, **__: Any) -> "torch.Tensor":
        new = sequences[:, max(longest, sequences.shape[1] - looked) :]
        texts = tokenizer.batch_decode(new, skip_special_tokens=True)
        return torch.tensor(
            [any(stop in text for stop in task.until) for text in texts], device=sequences.device
        )

    settings = GenerationConfig(
        max_new_tokens=task.most_tokens,
        do_sample=task.temperature > 0,
        temperature=task.temperature or None,
        top_k=0 if task.temperature else None,
        top_p=1.0 if task.temperature else None,
        num_return_sequences=task.samples,
        pad_token_id=padding,
        eos_token_id=ends or None,
    )
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(task.seed)
        output = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            generation_config=settings,
            stopping_criteria=StoppingCriteriaList([stopped]),
        )
    made = [_written(tokenizer, row, ends, task) for row in output[:, longest:].tolist()]
    return [made[at : at + task.samples] for at in range(0, len(made), task.samples)]


def _written(tokenizer: Any, ids: list[int], ends: list[int], task: Task) -> Written:
    end = next((at for at, token in enumerate(ids) if token in ends), None)
    text = tokenizer.decode(ids[:end], skip_special_tokens=True)
    stops = [at for at in (text.find(stop) for stop in task.until) if at >= 0]
    is_cut = end is None and not stops and len(ids) >= task.most_tokens
    return Written(text[: min(stops)] if stops else text, is_cut)


def _ends(model: Any, tokenizer: Any) -> list[int]:
    """The tokens that end a text: the model's own, and else its tokenizer's."""
    said = model.generation_config.eos_token_id
    ends = said if isinstance(said, list) else [said]
    return [each for each in (*ends, tokenizer.eos_token_id) if each is not None]
