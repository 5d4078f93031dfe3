"""Turns windows into the arrays of a training step, with documents kept apart.

Packed documents must not see each other: ``position_ids`` restart with every span, by which
attention is told them (``models.head``), and no label crosses from one span to the next. Labels
follow the Hugging Face convention: they stand at their own token, the model shifts them. A span's
first token is therefore unlabelled (nothing in its window predicts it), also where it continues a
document that was cut. Of conversations, a stage may take the loss on what an assistant says: the
tokens before it are then read, and not labelled.

A tied window (``untie_knots``) is one text instead: positions run on over it. Its labels are the
same, and the knots between its chunks have none.

A span that is turned (``fill_in_the_middle``) has its parts in another order, each behind a token
that names it; all of them have labels.

A stage may let positions run on over a window. What it then means depends on whether the window is
one text; both are offered (``Positions``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np

from midtrain_dagster.dataloader.fill_in_the_middle import Sentinels, turned
from midtrain_dagster.dataloader.plan import Plan, Span, Window
from midtrain_dagster.tokens.shards import TokenShards

LossOn = Literal["all", "assistant"]
"""Which tokens of conversations are labelled; every other document has labels throughout."""

Positions = Literal["document", "window", "one_text"]
"""Where positions begin, and what a token sees: ``document`` from 0 in each document, which sees
itself alone; ``window`` run over the window, and documents still do not see each other (Llama 3,
arXiv 2407.21783, section 3.2), the same function where positions are relative (RoPE); ``one_text``
run over the window, in which every token sees all before it, and labels cross from one document to
the next (Shi et al. 2024, In-Context Pretraining, arXiv 2310.10638)."""

UNLABELLED = -100
"""The label that transformers and PyTorch's cross-entropy leave out."""


@dataclass(frozen=True)
class Batch:
    """Arrays of a batch, all int64 and ``[windows, sequence_length]``."""

    input_ids: np.ndarray
    labels: np.ndarray  # the token itself; UNLABELLED where the loss does not look
    position_ids: np.ndarray  # from 0 in each span, or as `Positions` says; 0 for padding
    documents: np.ndarray  # of what each token sees, a number; each token of padding is alone

    @property
    def labelled(self) -> int:
        """The number of tokens that the loss counts."""
        return int(np.count_nonzero(self.labels != UNLABELLED))


def collate(
    source: Plan | TokenShards,
    windows: Sequence[Window],
    *,
    sequence_length: int,
    padding: int,
    loss_on: LossOn = "all",
    positions: Positions = "document",
    knots: tuple[int, int] | None = None,
    sentinels: Sentinels | None = None,
) -> Batch:
    """Read the windows' tokens into arrays of ``[len(windows), sequence_length]``.

    ``padding`` is the token id that fills what is left; no loss and no document's attention sees
    it. ``knots`` are the ids that stand behind a chunk that goes on and before one that continues,
    ``sentinels`` those that stand before the parts of a span that is turned. Raises ValueError for
    a window with more tokens than ``sequence_length``.
    """
    shards = source.shards if isinstance(source, Plan) else source
    counts = np.fromiter((len(window.spans) for window in windows), np.int64, len(windows))
    spans = list(chain.from_iterable(window.spans for window in windows))
    tokens = [shards.tokens(*span) for span in spans]
    if sentinels is not None:
        tokens = _turned(shards, windows, tokens, sentinels)
    marks = _marks(windows) if knots is not None else np.zeros((len(spans), 2), np.bool_)
    lengths = np.fromiter(map(len, tokens), np.int64, len(spans)) + marks.sum(axis=1)
    row = np.repeat(np.arange(len(windows)), counts)
    filled = np.bincount(row, lengths, minlength=len(windows)).astype(np.int64)
    if filled.max(initial=0) > sequence_length:
        raise ValueError(
            f"a window of {filled.max()} tokens does not fit a sequence of {sequence_length}"
        )

    shape = (len(windows), sequence_length)
    input_ids, labels = np.full(shape, padding), np.full(shape, UNLABELLED)
    position_ids = np.zeros(shape, np.int64)
    # Tokens fill each row from the left, so this mask takes them in the order of the spans.
    real = np.arange(sequence_length) < filled[:, None]
    first = np.cumsum(lengths) - lengths
    is_text = np.ones(lengths.sum(), np.bool_)
    is_text[first[marks[:, 0]]] = False
    is_text[(first + lengths - 1)[marks[:, 1]]] = False
    flat = np.empty(lengths.sum(), np.int64)
    flat[is_text] = np.concatenate(tokens) if tokens else 0
    if knots is not None:
        flat[first[marks[:, 0]]] = knots[1]
        flat[(first + lengths - 1)[marks[:, 1]]] = knots[0]
    input_ids[real] = flat
    # A tied window's spans are one text, whose positions begin with the window.
    is_tied = np.fromiter((bool(window.knots) for window in windows), np.bool_, len(windows))[row]
    begins = np.where(is_tied, (np.cumsum(filled) - filled)[row], first)
    position_ids[real] = np.arange(lengths.sum()) - np.repeat(begins, lengths)
    opens = np.zeros(lengths.sum(), np.bool_)
    opens[(first + marks[:, 0])[is_tied]] = True
    starts = position_ids == 0
    if positions == "one_text":
        starts[:, 1:] = False
    labelled = real & ~starts
    labelled[real] &= is_text & ~opens
    if positions != "document":
        position_ids = np.tile(np.arange(sequence_length), (len(windows), 1))
    if loss_on == "assistant":
        said = np.zeros(lengths.sum(), np.bool_)
        said[is_text] = _targets(shards, spans, tokens)
        labelled[real] &= said
    np.copyto(labels, input_ids, where=labelled)
    return Batch(input_ids, labels, position_ids, np.cumsum(starts, 1) - 1)


def _marks(windows: Sequence[Window]) -> np.ndarray:
    """Of each span, whether a knot stands before it and behind it, ``[spans, 2]``."""
    nothing = (False, False)
    rows = [each for window in windows for each in window.knots or (nothing,) * len(window.spans)]
    return np.array(rows, np.bool_).reshape(len(rows), 2)


def _turned(
    shards: TokenShards,
    windows: Sequence[Window],
    tokens: Sequence[np.ndarray],
    sentinels: Sentinels,
) -> list[np.ndarray]:
    """The tokens of the spans, those that are turned in their new order."""
    spans = [
        (span, middle)
        for window in windows
        for span, middle in zip(
            window.spans, window.middles or (None,) * len(window.spans), strict=True
        )
    ]
    return [
        each
        if middle is None
        else turned(
            *(each, middle, sentinels),
            begins=span.start == 0,
            ends=span.stop == shards.lengths[span.document],
        )
        for each, (span, middle) in zip(tokens, spans, strict=True)
    ]


def _targets(
    shards: TokenShards, spans: Sequence[Span], tokens: Sequence[np.ndarray]
) -> np.ndarray:
    """Which tokens of the spans, one after the other, an assistant says or no conversation has."""
    found = [shards.targets(*span) for span in spans]
    every = [
        np.ones(len(each), np.bool_) if targets is None else targets
        for each, targets in zip(tokens, found, strict=True)
    ]
    return np.concatenate(every) if every else np.empty(0, np.bool_)
