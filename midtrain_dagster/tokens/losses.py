"""Conversations that are in no shard: by source and reason, against the share that may be.

A template that refuses a few conversations (its roles have to alternate, say) is as usual as a
broken row; one that refuses a fifth of a source is the wrong template for it.
"""

from collections.abc import Sequence

import polars as pl

from midtrain_dagster.display import losses as display
from midtrain_dagster.display.losses import Loss, Reason

MOST_LEFT_OUT = 0.2
"""The share of a source's conversations that may be left out before a run stops."""

EXAMPLES = 2
"""Documents that are named for each reason."""


class LeftOutError(ValueError):
    """Sources of which the chat template writes too little; the message lists them all."""


def conversation_losses(conversations: pl.DataFrame) -> list[Loss]:
    """What is in no shard of each source (``chat_splits.CONVERSATIONS``), by name."""
    return [
        _loss(str(source), rows)
        for (source,), rows in conversations.sort("source").group_by("source", maintain_order=True)
        if rows["left_out"].null_count() < rows.height
    ]


def _loss(source: str, rows: pl.DataFrame) -> Loss:
    lost = rows.drop_nulls("left_out")
    counted = lost.group_by("left_out").agg(pl.len(), pl.col("id").sort().head(EXAMPLES))
    ordered = counted.sort("len", "left_out", descending=[True, False])
    return Loss(
        source,
        f"{lost.height:,} of {rows.height:,} conversations",
        lost.height / rows.height,
        tuple(Reason(reason, count, tuple(ids)) for reason, count, ids in ordered.iter_rows()),
        MOST_LEFT_OUT,
        "name another template in tokenizer.chat_template, or take them out of the source",
    )


def check_left_out(losses: Sequence[Loss]) -> None:
    """Raise ``LeftOutError`` where a source loses more than ``MOST_LEFT_OUT``."""
    over = [loss for loss in losses if loss.share > MOST_LEFT_OUT]
    if over:
        kept = "What was made so far is kept: the next run goes on from there."
        raise LeftOutError(display.over_ceilings(over, "left out", kept))


def told(losses: Sequence[Loss]) -> list[str]:
    """For people: a headline, and a line for each reason; nothing for no loss."""
    return [display.headline(losses, "left out"), *display.lines(losses)] if losses else []
