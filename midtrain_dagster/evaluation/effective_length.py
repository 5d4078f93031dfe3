"""The effective length of a checkpoint: how far its context can be used, not only read.

RULER calls the longest length effective at which the mean over its tasks is at least what
Llama-2-7B has at 4,096 tokens, 85.6% (Hsieh et al., arXiv 2404.06654, section 4). Here all shorter
lengths have to reach the threshold too, since a context is used from its beginning on. By what a
model writes the rule is RULER's. A small model writes nothing right, but may know which answer is;
by rank, what a guess reaches is taken off, so that one threshold serves both:
(accuracy - chance) / (1 - chance).
"""

import polars as pl

VERSION = 1

EFFECTIVE = pl.Schema({"checkpoint": pl.String, "by_rank": pl.Int64, "by_writing": pl.Int64})
"""Tokens; 0 where not even the shortest length that was asked is effective."""


def scores_by_length(found: pl.DataFrame) -> pl.DataFrame:
    """The mean over tasks at each length: ``rank`` without what guesses reach, and ``written``.

    ``found`` has ``checkpoint`` beside the columns of ``long_context.FOUND``. Depths of a task
    weigh by their items, and tasks alike.
    """
    beyond = (pl.col("rank_accuracy") - pl.col("chance")) / (1 - pl.col("chance"))
    weight = pl.col("items") / pl.col("items").sum()
    of_task = found.group_by("checkpoint", "length", "task", maintain_order=True).agg(
        rank=(beyond * weight).sum(), written=(pl.col("exact_match") * weight).sum()
    )
    return of_task.group_by("checkpoint", "length", maintain_order=True).agg(
        pl.col("rank", "written").mean()
    )


def effective_lengths(found: pl.DataFrame, threshold: float) -> pl.DataFrame:
    """Each checkpoint's effective lengths (:data:`EFFECTIVE`), in the order they come."""
    rows = []
    for (name,), scores in scores_by_length(found).group_by("checkpoint", maintain_order=True):
        rising = scores.sort("length")
        reached = [
            _longest(rising["length"].to_list(), (rising[by] >= threshold).to_list())
            for by in ("rank", "written")
        ]
        rows.append((name, *reached))
    return pl.DataFrame(rows, schema=EFFECTIVE, orient="row")


def _longest(lengths: list[int], reaches: list[bool]) -> int:
    """The last length before the first that does not reach."""
    effective = 0
    for length, reached in zip(lengths, reaches, strict=True):
        if not reached:
            break
        effective = length
    return effective
