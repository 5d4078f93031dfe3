"""A few items of a benchmark with what the model answered, for a person to read.

Of a method that says right or wrong, three of each; of one that measures a loss, the three with
the lowest and the three with the highest bits per byte. Which of many right ones is drawn by an
item's name, so it is the same in every run, and for every checkpoint that had it right. They are
anecdotes: a checkpoint is judged by its scores.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b

import numpy as np
import polars as pl

from midtrain_dagster.evaluation.method import (
    ACCURACY,
    BITS,
    Ask,
    ItemValues,
    Method,
    Outcome,
    Written,
)

VERSION = 1

EACH = 3
"""Items of a kind."""

SEED = 7
"""With which the names of items are hashed."""

PROMPT = 2_000
"""Characters of a prompt that are kept, its last: a window may have a million."""

ANSWER = 4_000
"""Characters of an answer that are kept, its first."""

SAMPLES = 4
"""Texts that are kept where a method has several written."""

ANSWERS = pl.Schema(
    {
        "benchmark": pl.String(),
        "item": pl.String(),
        "kind": pl.String(),
        "metric": pl.String(),
        "value": pl.Float64(),
        "weighed": pl.List(
            pl.Struct(
                {
                    "prompt": pl.String(),
                    "before": pl.Int64(),
                    "continuation": pl.String(),
                    "behind": pl.Int64(),
                    "nats": pl.Float64(),
                    "bytes": pl.Int64(),
                }
            )
        ),
        "written": pl.List(
            pl.Struct({"text": pl.String(), "behind": pl.Int64(), "is_cut": pl.Boolean()})
        ),
        "samples": pl.Int64(),
    }
)
"""A row an item. ``kind`` is ``right``, ``wrong``, ``lowest`` or ``highest``, by the item's
``value`` of the ``metric``. ``weighed`` are the continuations whose likelihood was asked, each
after its prompt, of which the last characters are kept and ``before`` are not; of a continuation
``behind`` are not. ``written`` are the first of the ``samples`` that were written."""


def answers(
    benchmark: str,
    method: Method,
    outcome: Outcome,
    items: Sequence[str],
    values: Sequence[ItemValues],
) -> pl.DataFrame:
    """The chosen ones (``ANSWERS``) of what was answered; ``items`` and ``values`` are in the order
    of the outcome's documents."""
    decides = _decides(method, values)
    if decides is None:
        return ANSWERS.to_frame()
    by_item = decides.sums / np.maximum(decides.counts, 1)
    is_share = method.UNITS.get(decides.metric, ACCURACY) == ACCURACY
    order = sorted(range(len(items)), key=lambda at: _drawn(benchmark, items[at]))
    picked = right_and_wrong(by_item, order) if is_share else lowest_and_highest(by_item, order)
    rows = [
        {
            "benchmark": benchmark,
            "item": items[at],
            "kind": kind,
            "metric": decides.metric,
            "value": float(by_item[at]),
            "weighed": list(_weighed(method.asks(outcome.documents[at]), outcome.nats[at])),
            "written": [_kept(each) for each in (outcome.written or [()] * len(items))[at]][
                :SAMPLES
            ],
            "samples": len(outcome.written[at]) if outcome.written else 0,
        }
        for kind, at in picked
    ]
    return pl.DataFrame(rows, schema=ANSWERS)


def _decides(method: Method, values: Sequence[ItemValues]) -> ItemValues | None:
    """The metric by which items are right, or likely: the method's own, or bits per byte where its
    own is a loss of another unit."""
    named = {each.metric: each for each in values}
    if method.UNITS.get(method.HEADLINE, ACCURACY) in (ACCURACY, BITS):
        return named.get(method.HEADLINE)
    return next((each for each in values if method.UNITS.get(each.metric) == BITS), None)


def right_and_wrong(values: np.ndarray, order: Sequence[int]) -> Iterator[tuple[str, int]]:
    """The first right ones in an order, then the first wrong; half right is right."""
    for kind, wanted in (("right", values >= 0.5), ("wrong", values < 0.5)):
        yield from [(kind, at) for at in order if wanted[at]][:EACH]


def lowest_and_highest(values: np.ndarray, order: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Those with the lowest values, the lowest first, then those with the highest, the highest
    first; none is both. Of equal ones the order decides."""
    ranked = sorted(order, key=lambda at: values[at])
    low = ranked[: min(EACH, (len(ranked) + 1) // 2)]
    yield from (("lowest", at) for at in low)
    yield from (("highest", at) for at in ranked[::-1][: min(EACH, len(ranked) - len(low))])


def _drawn(benchmark: str, item: str) -> bytes:
    return blake2b(f"{SEED}\n{benchmark}\n{item}".encode(), digest_size=8).digest()


def _weighed(asks: Sequence[Ask], nats: np.ndarray) -> Iterator[dict[str, object]]:
    for ask, each in zip(asks, nats.tolist(), strict=True):
        yield {
            "prompt": ask.question[-PROMPT:],
            "before": max(0, len(ask.question) - PROMPT),
            "continuation": ask.continuation[:ANSWER],
            "behind": max(0, len(ask.continuation) - ANSWER),
            "nats": each,
            "bytes": len(ask.continuation.encode()),
        }


def _kept(written: Written) -> dict[str, object]:
    text = written.text
    return {"text": text[:ANSWER], "behind": max(0, len(text) - ANSWER), "is_cut": written.is_cut}
