"""What was right, by topic; how much of a topic is not known; and how seeds are drawn by it.

The **gap** of a topic is the share of its questions that are not known: of those answered wrong,
made larger by what guesses got right, ``(1 - right) / (1 - chance)``, from 0 to 1. Some tens of
questions are few, so a topic's share is drawn towards that of all by ``PRIOR`` questions.

A topic's **weight** grows from ``floor`` to 1 with its gap. Seeds are divided among topics by
documents times weight, with one at least for each topic that has a document.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

VERSION = 1

ANSWERS = pl.Schema(
    {
        "checkpoint": pl.String(),
        "document": pl.String(),
        "topic": pl.UInt16(),
        "scores": pl.List(pl.Float64()),
        "is_right": pl.Boolean(),
    }
)
"""What a checkpoint said of each question: the score of each answer in nats a byte, more is
likelier, and whether the right one has the highest."""

PRIOR = 10


def gaps(answers: pl.DataFrame, *, topics: int, chance: float) -> np.ndarray:
    """The gap of each topic, by its number: float64. A topic without a question has that of all."""
    counted = answers.group_by("topic").agg(
        questions=pl.len(), right=pl.col("is_right").sum().cast(pl.Float64)
    )
    right, asked = np.zeros(topics), np.zeros(topics)
    right[counted["topic"]], asked[counted["topic"]] = counted["right"], counted["questions"]
    overall = right.sum() / asked.sum() if asked.sum() else chance
    share = (right + PRIOR * overall) / (asked + PRIOR)
    return np.clip((1 - share) / (1 - chance), 0, 1)


def weights(gap: np.ndarray, floor: float) -> np.ndarray:
    """The weight of each topic: ``floor`` where all is known, 1 where answers are guesses."""
    return floor + (1 - floor) * gap


def quotas(sizes: Sequence[int], weight: Sequence[float], count: int) -> list[int]:
    """How many of ``count`` seeds each topic gets, of which it has ``sizes`` documents.

    One by one to the topic that is furthest behind its part, which is its size times its weight
    (Webster's method); none gets more than it has. Each topic with a document gets one, while
    there are seeds for all.
    """
    size, left = np.array(sizes, np.int64), min(count, int(sum(sizes)))
    part = size * np.array(weight, np.float64)
    given = np.minimum(size, 1) if left >= np.count_nonzero(size) else np.zeros_like(size)
    for _ in range(left - int(given.sum())):
        given[np.where(given < size, part / (given + 0.5), -1.0).argmax()] += 1
    return [int(each) for each in given]


def by_topic(answers: pl.DataFrame) -> pl.DataFrame:
    """Of each checkpoint and topic: ``questions``, ``share`` that is right, its ``stderr``."""
    return (
        answers.group_by("checkpoint", "topic", maintain_order=True)
        .agg(
            questions=pl.len(),
            share=pl.col("is_right").mean(),
            stderr=pl.col("is_right").cast(pl.Float64).std() / pl.len().sqrt(),
        )
        .sort("checkpoint", "topic", maintain_order=True)
    )


def changes(answers: pl.DataFrame, *, before: str) -> pl.DataFrame:
    """Of each other checkpoint and topic, and of all topics (null): the ``change`` of the share
    since ``before``, question by question, and its ``stderr``."""
    first = answers.filter(checkpoint=before).select("document", was="is_right")
    paired = answers.filter(pl.col("checkpoint") != before).join(first, on="document")
    moved = paired.with_columns(
        change=pl.col("is_right").cast(pl.Float64) - pl.col("was").cast(pl.Float64)
    )
    every = moved.with_columns(topic=pl.lit(None, pl.UInt16))
    return (
        pl.concat([moved, every])
        .group_by("checkpoint", "topic", maintain_order=True)
        .agg(
            questions=pl.len(),
            change=pl.col("change").mean(),
            stderr=pl.col("change").std() / pl.len().sqrt(),
        )
    )
