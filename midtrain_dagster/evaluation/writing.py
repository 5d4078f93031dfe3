"""What a model writes on: what prompts begin with together is read once, prompts of like length
share a batch, and a row that has ended leaves it.

A continuation ends where the model ends it, or at a stop string; one that does neither is cut at
its most tokens and says so. The likeliest token is taken, or one is drawn: a sample's draws follow
from the task's seed, the prompt and the sample's number, whatever it shares a batch with. In
float32 a batch moves logits by millionths, so a greedy text differs only where two tokens are that
near to each other; in bfloat16 that is more often so.

A model that cannot be read so (``shared_reading.can_share``) writes by transformers' ``generate``,
and draws what is sampled anew for each batch.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from midtrain_dagster.evaluation.likelihoods import Prefixes
from midtrain_dagster.evaluation.method import Task, Written
from midtrain_dagster.evaluation.shared_prefixes import shared_prefixes
from midtrain_dagster.models.shared_reading import Memory, read, shared_reading

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

VERSION = 2

LOOKED_BACK = 8
"""Tokens behind a stop string that are decoded again to find it, beside as many as it has bytes."""

LEFT = 0.75
"""The share of rows still writing at which those that have ended leave the batch."""


def write(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    encoded: Sequence[Sequence[int]],
    tasks: Sequence[Task],
    *,
    batch_size: int,
    prefixes: Prefixes | None,
) -> list[list[Written]]:
    """The continuations of each task, whose prompt is ``encoded``, as many as it has samples.

    Tasks that are to be written in another way are written apart. ``prefixes``
    read those of the model; none where it cannot be read so (``shared_reading.can_share``).
    """
    written: dict[int, list[Written]] = {}
    ways: dict[Task, list[int]] = {}
    for at, task in enumerate(tasks):
        ways.setdefault(task._replace(prompt=""), []).append(at)
    for task, members in ways.items():
        prompts = [encoded[at] for at in members]
        together = max(1, batch_size // task.samples)
        if prefixes is None:
            made = _generated(model, tokenizer, prompts, task, together)
        else:
            made = _shared(model, tokenizer, prompts, task, together, prefixes)
        written |= zip(members, made, strict=True)
    return [written[at] for at in range(len(tasks))]


def _shared(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[int]],
    task: Task,
    together: int,
    prefixes: Prefixes,
) -> list[list[Written]]:
    import torch

    written: dict[int, list[Written]] = {}
    with torch.inference_mode(), shared_reading(model):
        for prefix, group in shared_prefixes(prompts):
            before = prefixes.read(prompts[group[0]][:prefix])
            for start in range(0, len(group), together):
                batch = group[start : start + together]
                rows = [prompts[at] for at in batch]
                texts = iter(_Batch(model, tokenizer, task, rows, prefix).written(before))
                written |= {at: [next(texts) for _ in range(task.samples)] for at in batch}
    return [written[at] for at in range(len(prompts))]


class _Batch:
    """Prompts that are continued together, each as often as the task has samples."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        task: Task,
        prompts: Sequence[Sequence[int]],
        prefix: int,
    ) -> None:
        self._model, self._tokenizer, self._task = model, tokenizer, task
        self._ends = _ends(model, tokenizer)
        self._looked = LOOKED_BACK + max((len(text.encode()) for text in task.until), default=0)
        self._rest = [prompt[prefix:] for prompt in prompts]
        self._prefix = prefix
        self._new: list[list[int]] = [[] for _ in prompts for _ in range(task.samples)]
        self._draws = [
            np.random.default_rng([task.seed, crc32(np.array(prompt, "<i8").tobytes()), sample])
            for prompt in prompts
            for sample in range(task.samples)
        ]

    def written(self, before: Memory | None) -> list[Written]:
        """The continuations, after a prefix."""
        import torch

        device, memory = self._model.device, Memory(before)
        logits, lengths = self._begun(memory)
        padded = int(lengths.max())
        rows = torch.arange(len(self._rest), device=device).repeat_interleave(self._task.samples)
        if self._task.samples > 1:
            memory.select(rows)
        logits, lengths = logits[rows], lengths[rows]
        alive = list(range(len(self._new)))
        writing = np.ones(len(alive), bool)
        for step in range(self._task.most_tokens):
            chosen = self._chosen(logits, alive)
            for at, token in zip(alive, chosen, strict=True):
                self._new[at].append(token)
            writing &= ~self._ended(alive)
            if not writing.any() or step + 1 == self._task.most_tokens:
                break
            if writing.mean() <= LEFT:
                kept = torch.from_numpy(writing.nonzero()[0]).to(device)
                memory.select(kept)
                lengths, alive = lengths[kept], [alive[at] for at in kept.tolist()]
                chosen = [self._new[at][-1] for at in alive]
                writing = np.ones(len(alive), bool)
            columns = torch.arange(padded + step + 1, device=device)
            visible = (columns < lengths[:, None]) | (columns >= padded)
            places = (self._prefix + lengths + step)[:, None]
            ids = torch.tensor(chosen, device=device)[:, None]
            states = read(self._model, ids, places, memory, visible[:, None])
            logits = self._model.get_output_embeddings()(states[:, 0])
        return [_written(self._tokenizer, new, self._ends, self._task) for new in self._new]

    def _begun(self, memory: Memory) -> "tuple[torch.Tensor, torch.Tensor]":
        """What follows each prompt, as logits, and the tokens that each has behind the prefix."""
        import torch

        model = self._model
        lengths = torch.tensor([len(rest) for rest in self._rest])
        ids = torch.zeros(len(self._rest), int(lengths.max()), dtype=torch.int64)
        for row, rest in enumerate(self._rest):
            ids[row, : len(rest)] = torch.tensor(list(rest))
        lengths = lengths.to(model.device)
        places = torch.arange(self._prefix, self._prefix + ids.shape[1], device=model.device)
        states = read(model, ids.to(model.device), places.expand_as(ids), memory)
        last = states[torch.arange(len(lengths), device=model.device), lengths - 1]
        return model.get_output_embeddings()(last), lengths

    def _chosen(self, logits: "torch.Tensor", alive: Sequence[int]) -> list[int]:
        """The next token of each row that is in the batch."""
        if not self._task.temperature:
            return logits.argmax(1).tolist()
        shares = (logits.double() / self._task.temperature).softmax(1).cumsum(1).cpu().numpy()
        drawn = [self._draws[at].random() for at in alive]
        last = shares.shape[1] - 1
        return [
            min(last, int(np.searchsorted(share, draw, side="right")))
            for share, draw in zip(shares, drawn, strict=True)
        ]

    def _ended(self, alive: Sequence[int]) -> np.ndarray:
        """Which rows end with what was written last, or have before."""
        tails = [self._new[at][-self._looked :] for at in alive]
        texts = self._tokenizer.batch_decode(tails, skip_special_tokens=True)
        return np.array(
            [
                tail[-1] in self._ends or any(stop in text for stop in self._task.until)
                for tail, text in zip(tails, texts, strict=True)
            ]
        )


def _generated(
    model: Any, tokenizer: Any, prompts: Sequence[Sequence[int]], task: Task, together: int
) -> list[list[Written]]:
    """The same by transformers' own loop."""
    order = sorted(range(len(prompts)), key=lambda at: (-len(prompts[at]), at))
    written: dict[int, list[Written]] = {}
    for start in range(0, len(order), together):
        batch = order[start : start + together]
        made = _generated_batch(model, tokenizer, [prompts[at] for at in batch], task)
        written |= zip(batch, made, strict=True)
    return [written[at] for at in range(len(prompts))]


def _generated_batch(
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
