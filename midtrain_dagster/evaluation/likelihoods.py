"""How likely texts are after contexts: a prefix of many contexts is read once, a context once for
all that is asked after it, and logits are made where something is predicted that counts.

The figures are those of reading each pair alone (lm-evaluation-harness does that, and makes the
logits of every token): sums have another order, which moves them by millionths of a nat in float32.
What is longer than the window loses its beginning, as there.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from midtrain_dagster.evaluation.shared_prefixes import shared_prefixes
from midtrain_dagster.models import head
from midtrain_dagster.models.shared_reading import Memory, read, shared_reading, visible_by

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

VERSION = 1

BATCH_TOKENS = 4096
"""Tokens of the rows that are read together, with padding. A longer row is read alone."""

BUSY_TOKENS = 256
"""Tokens that keep a CPU's cores busy: from there on a batch takes no row that is much shorter than
its longest (``ALIKE``), for padding costs what tokens cost. A GPU is busy with whole batches."""

ALIKE = 0.85
"""Of the longest row's tokens, what a row has that shares a busy batch."""


class Pair(NamedTuple):
    """A text and what may follow it, in tokens; neither is empty."""

    context: tuple[int, ...]
    continuation: tuple[int, ...]


class _Row(NamedTuple):
    """A context, and what is asked after it: by the continuation the pairs that ask it."""

    context: tuple[int, ...]
    asked: dict[tuple[int, ...], list[int]]

    @property
    def tokens(self) -> int:
        """Those that are read: the last of a continuation is only predicted."""
        return len(self.context) + sum(len(each) - 1 for each in self.asked)


class Prefixes:
    """Reads prefixes, and keeps what the last one left: the texts that are weighed and those that
    are written on begin with the same examples."""

    def __init__(self, model: "PreTrainedModel") -> None:
        self._model = model
        self._last: tuple[tuple[int, ...], Memory] | None = None

    def read(self, tokens: Sequence[int]) -> Memory | None:
        """What is kept of a prefix; none of an empty one. Within ``shared_reading``."""
        import torch

        if not tokens:
            return None
        if self._last is None or self._last[0] != tuple(tokens):
            memory = Memory()
            ids = torch.tensor([list(tokens)], device=self._model.device)
            read(self._model, ids, torch.arange(len(tokens), device=ids.device)[None], memory)
            self._last = tuple(tokens), memory
        return self._last[1]

    def forget(self) -> None:
        """Free what is kept."""
        self._last = None


def log_likelihoods(
    model: "PreTrainedModel",
    pairs: Sequence[Pair],
    *,
    max_length: int,
    prefixes: Prefixes | None = None,
) -> list[tuple[float, bool]]:
    """Of each continuation its log-likelihood after its context, in nats, and whether it is what
    the model itself takes for the likeliest, token by token.

    Context and continuation have ``max_length`` + 1 tokens together at most (the last is read by
    nobody); a longer context loses its beginning. The model can be read so
    (``shared_reading.can_share``).
    """
    import torch

    rows: dict[tuple[int, ...], _Row] = {}
    for number, (context, continuation) in enumerate(pairs):
        kept = context[-max(1, max_length + 1 - len(continuation)) :]
        row = rows.setdefault(kept, _Row(kept, {}))
        row.asked.setdefault(continuation, []).append(number)
    found: list[tuple[float, bool]] = [(0.0, False)] * len(pairs)
    asked, prefixes = list(rows.values()), prefixes or Prefixes(model)
    with torch.inference_mode(), shared_reading(model):
        for prefix, texts in shared_prefixes([row.context for row in asked]):
            members = sorted((asked[at] for at in texts), key=lambda row: -row.tokens)
            before = prefixes.read(members[0].context[:prefix])
            busy = BUSY_TOKENS if model.device.type == "cpu" else BATCH_TOKENS
            for batch in _batches([row.tokens - prefix for row in members], busy):
                together = members[batch.start : batch.stop]
                made = _batch(model, before, prefix, together)
                numbers = [each for row in together for each in row.asked.values()]
                for answers, result in zip(numbers, made, strict=True):
                    for number in answers:
                        found[number] = result
    return found


def _batches(tokens: Sequence[int], busy: int) -> list[range]:
    """Which rows are read together; ``tokens`` are those of each, the most first."""
    starts: list[int] = []
    for at, each in enumerate(tokens):
        if starts:
            longest, rows = tokens[starts[-1]], at - starts[-1]
            is_busy = longest * rows >= busy and each < ALIKE * longest
            if not is_busy and longest * (rows + 1) <= BATCH_TOKENS:
                continue
        starts.append(at)
    return [range(*pair) for pair in pairwise([*starts, len(tokens)])]


def _batch(
    model: "PreTrainedModel", before: Memory | None, prefix: int, rows: Sequence[_Row]
) -> list[tuple[float, bool]]:
    """Of each row each continuation's result."""
    import torch

    longest = max(row.tokens for row in rows) - prefix
    ids = torch.zeros(len(rows), longest, dtype=torch.int64)
    positions, owner = torch.zeros_like(ids), torch.zeros_like(ids)
    predicting: list[int] = []
    targets: list[int] = []
    counts: list[int] = []
    for number, row in enumerate(rows):
        context = row.context[prefix:]
        end = len(context)
        ids[number, :end] = torch.tensor(context)
        positions[number, :end] = torch.arange(prefix, prefix + end)
        last, at = number * longest + end - 1, end
        for branch, continuation in enumerate(row.asked, 1):
            after = len(continuation) - 1
            ids[number, at : at + after] = torch.tensor(continuation[:-1])
            positions[number, at : at + after] = torch.arange(after) + prefix + end
            owner[number, at : at + after] = branch
            first = number * longest + at
            predicting += [last, *range(first, first + after)]
            targets += continuation
            counts.append(len(continuation))
            at += after
    branches = any(sum(len(each) > 1 for each in row.asked) > 1 for row in rows)
    device = model.device
    states = read(
        model,
        ids.to(device),
        positions.to(device),
        Memory(before),
        visible_by(owner.to(device)) if branches else None,
    )
    picked = states.flatten(0, 1)[torch.tensor(predicting, device=device)]
    nats, is_likeliest = _predicted(model, picked, torch.tensor(targets, device=device))
    return [
        (float(each.sum()), bool(likeliest.all()))
        for each, likeliest in zip(nats.split(counts), is_likeliest.split(counts), strict=True)
    ]


def _predicted(
    model: "PreTrainedModel", states: "torch.Tensor", targets: "torch.Tensor"
) -> "tuple[torch.Tensor, torch.Tensor]":
    """The log-likelihoods of the targets, float64, and whether each is the likeliest token."""
    import torch

    output = model.get_output_embeddings()
    step = max(1, head.LOGITS // head.vocabulary_size(model))
    nats, likeliest = [], []
    for at in range(0, len(targets), step):
        logits, wanted = output(states[at : at + step]).float(), targets[at : at + step]
        chosen = logits.gather(1, wanted[:, None])[:, 0]
        nats.append(chosen.double() - logits.logsumexp(1).double())
        likeliest.append(logits.argmax(1) == wanted)
    return torch.cat(nats).cpu(), torch.cat(likeliest).cpu()
