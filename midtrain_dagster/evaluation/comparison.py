"""Differences between two checkpoints on the same items: how large, how sure, and what would do.

Items that both were asked are paired, so what makes an item easy for both cancels, and the error is
that of the differences (Miller, *Adding Error Bars to Evals*, arXiv 2411.00640, section 4.2),
clustered by group where items share a passage or a template (section 2.2). A metric is a ratio of
sums, ``sum(sums) / sum(counts)``, and its error that of its linear part (the delta method).

Where few groups differ at all, a p-value counts the signs that the differences could have had
(every one of them; of right and wrong answers that is McNemar's exact test). Else it is Student's.
Benchmarks that are compared together are corrected by Holm's method (Scand. J. Statist. 6, 1979).
"""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil, sqrt
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl

from midtrain_dagster.display.words import (
    before_tuning,
    is_fine_tuned,
    is_main,
    is_seed,
    stage_of,
)
from midtrain_dagster.evaluation.method import ACCURACY, BITS

VERSION = 2

LEVEL = 0.05
"""Of the tests, after Holm, and of the intervals, which have 95 %."""

POINT = 0.01
"""A difference of one point: one per cent of the items, or a hundredth of a bit per byte."""

POWER = 0.8

FEW = 16
"""Groups that differ, up to which every sign is tried: 65,536 ways."""

Outcome = Literal["better", "worse", "undecided"]

COMPARISONS = pl.Schema(
    {
        "checkpoint": pl.String,
        "against": pl.String,
        "benchmark": pl.String,
        "metric": pl.String,
        "unit": pl.String,
        "items": pl.Int64,
        "groups": pl.Int64,
        "unpaired": pl.Int64,
        "difference": pl.Float64,
        "stderr": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "p": pl.Float64,
        "p_holm": pl.Float64,
        "at_chance": pl.Boolean,
        "outcome": pl.String,
        "items_for_point": pl.Int64,
    }
)
"""A checkpoint's metric less that of the one it is held ``against``, on the ``items`` that both
were asked (``unpaired`` is how many only one was), which are of so many ``groups``. ``low`` and
``high`` bound 95 %; null, as ``stderr``, where there is but one group. ``at_chance``: both are.
``items_for_point`` is how many items of this kind would show a difference of ``POINT`` in four of
five cases; null where the items here do not vary."""

SEEDS = pl.Schema(
    {
        "stage": pl.String,
        "benchmark": pl.String,
        "metric": pl.String,
        "unit": pl.String,
        "seeds": pl.Int64,
        "mean": pl.Float64,
        "deviation": pl.Float64,
        "least": pl.Float64,
        "greatest": pl.Float64,
    }
)
"""How a stage's figures spread over its seeds: the standard deviation of one run, and the range.
What fine-tuning made of a stage and its seeds spreads by itself, as ``STAGE/fine_tuned``."""

GROUPS = pl.Schema({"benchmark": pl.String, "item": pl.String, "group": pl.String})
"""Which items of a benchmark belong together."""


class Difference(NamedTuple):
    """A paired difference of a metric, as ``COMPARISONS`` has it."""

    difference: float | None
    stderr: float | None
    p: float | None
    groups: int


def paired_difference(
    sums: tuple[np.ndarray, np.ndarray], counts: tuple[np.ndarray, np.ndarray], group: np.ndarray
) -> Difference:
    """The first checkpoint's metric less the second's, on the same items in the same order.

    ``group`` (any integers or texts) says to which group each item belongs. The difference is null
    where one of the two has counted nothing; error and p-value are null below two groups.
    """
    totals = [float(each.sum()) for each in counts]
    names, inverse = np.unique(group, return_inverse=True)
    if not all(totals):
        return Difference(None, None, None, len(names))
    means = [float(each.sum()) / total for each, total in zip(sums, totals, strict=True)]
    # What each group adds to either metric, and how far that is from its part of the mean.
    added = [np.bincount(inverse, each) / total for each, total in zip(sums, totals, strict=True)]
    weight = [
        np.bincount(inverse, each) / total for each, total in zip(counts, totals, strict=True)
    ]
    difference = means[0] - means[1]
    if len(names) < 2:
        return Difference(difference, None, None, len(names))
    residuals = (added[0] - means[0] * weight[0]) - (added[1] - means[1] * weight[1])
    small_sample = len(names) / (len(names) - 1)
    stderr = sqrt(small_sample * float(np.square(residuals).sum()))
    p = _p_value(added[0] - added[1], difference, stderr)
    return Difference(difference, stderr, p, len(names))


def _p_value(differences: np.ndarray, difference: float, stderr: float) -> float:
    """Two-sided, of no difference; ``differences`` are those of groups, and sum to it."""
    rounding = 1e-9 * max(1e-12, float(np.abs(differences).sum()))
    differing = differences[np.abs(differences) > rounding]
    if len(differing) <= FEW:
        return sign_flip_p(differing)
    from scipy.stats import t

    return float(2 * t.sf(abs(difference) / max(stderr, 1e-300), len(differences) - 1))


def sign_flip_p(differences: np.ndarray) -> float:
    """The share of all signs of the differences with which their sum is as far from zero, or
    farther; 1 of none. All are tried: of n differences 2**n."""
    totals = np.zeros(1)
    for each in differences:
        totals = np.concatenate([totals + each, totals - each])
    rounding = 1e-9 * float(np.abs(differences).sum())
    return float((np.abs(totals) >= abs(differences.sum()) - rounding).mean())


def holm(p_values: np.ndarray) -> np.ndarray:
    """The p-values of hypotheses that are tested together, corrected by Holm's method."""
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


def items_needed(stderr: float, items: int, *, difference: float = POINT) -> int | None:
    """How many items would show a ``difference`` with a power of 80 %, if they vary as these do.

    ``stderr`` is that of the paired difference over so many ``items``, with what their groups make
    of it. Null where they do not vary, which says nothing of others.
    """
    from scipy.stats import norm

    variance = stderr**2 * items
    quantiles = float(norm.isf(LEVEL / 2) + norm.ppf(POWER))
    return ceil(variance * (quantiles / difference) ** 2) if variance > 0 else None


def interval(difference: float, stderr: float, groups: int) -> tuple[float, float]:
    """The bounds of 95 %, of Student's distribution over groups."""
    from scipy.stats import t

    reach = float(t.isf(LEVEL / 2, groups - 1)) * stderr
    return difference - reach, difference + reach


def comparisons(
    by_item: pl.DataFrame,
    scores: pl.DataFrame,
    pairs: Iterable[tuple[str, str]],
    groups: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Each pair of checkpoints on every benchmark (``COMPARISONS``): its figure, and bits per byte.

    ``by_item`` and ``scores`` have a ``checkpoint`` beside ``harness.BY_ITEM`` and ``SCORES``.
    ``groups`` (``GROUPS``) are those of items that belong together; any other is a group of its
    own. Holm's correction is over all rows of a pair.
    """
    told = {
        (row["checkpoint"], row["benchmark"], row["metric"]): row
        for row in scores.filter(pl.col("headline") | (pl.col("unit") == BITS)).iter_rows(
            named=True
        )
    }
    values = with_groups(by_item, groups).partition_by(
        "checkpoint", "benchmark", "metric", as_dict=True
    )
    measures = list(dict.fromkeys((benchmark, metric) for _, benchmark, metric in told))
    rows: list[dict[str, Any]] = []
    for pair in pairs:
        asked = [[(checkpoint, *measure) for checkpoint in pair] for measure in measures]
        rows += _decided(
            [
                _compared([told[key] for key in keys], [values[key] for key in keys])
                for keys in asked
                if all(key in values and key in told for key in keys)
            ]
        )
    return pl.DataFrame(rows, schema=COMPARISONS)


def with_groups(by_item: pl.DataFrame, groups: pl.DataFrame | None) -> pl.DataFrame:
    """Values by item with a column ``group``: that of ``groups`` (``GROUPS``), or its own."""
    known = GROUPS.to_frame() if groups is None else groups
    return by_item.join(
        known, on=["benchmark", "item"], how="left", maintain_order="left"
    ).with_columns(pl.coalesce("group", pl.format("item {}", "item")))


def _compared(told: Sequence[Mapping[str, Any]], values: Sequence[pl.DataFrame]) -> dict[str, Any]:
    """A row of ``COMPARISONS`` before Holm, of two checkpoints' scores and values by item."""
    both = values[0].join(
        values[1].select("item", "sum", "count"),
        on="item",
        suffix="_against",
        maintain_order="left",
    )
    found = paired_difference(
        (both["sum"].to_numpy(), both["sum_against"].to_numpy()),
        (both["count"].to_numpy(), both["count_against"].to_numpy()),
        both["group"].to_numpy(),
    )
    row: dict[str, Any] = {
        "checkpoint": told[0]["checkpoint"],
        "against": told[1]["checkpoint"],
        **{name: told[0][name] for name in ("benchmark", "metric", "unit")},
        "items": both.height,
        "unpaired": sum(each.height for each in values) - 2 * both.height,
        "at_chance": all(bool(each["at_chance"]) for each in told),
        **found._asdict(),
    }
    if found.difference is not None and found.stderr is not None:
        row["low"], row["high"] = interval(found.difference, found.stderr, found.groups)
        row["items_for_point"] = items_needed(found.stderr, both.height)
    return row


def _decided(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a pair, corrected together, each with its outcome."""
    tested = [row for row in rows if row["p"] is not None]
    corrected = holm(np.array([row["p"] for row in tested]))
    for row, p in zip(tested, corrected.tolist(), strict=True):
        row["p_holm"] = p
    return [{**row, "outcome": _outcome(row)} for row in rows]


def _outcome(row: Mapping[str, Any]) -> Outcome:
    """Of two checkpoints that guess, neither is better."""
    if row["at_chance"] or row.get("p_holm", 1.0) >= LEVEL:
        return "undecided"
    return "better" if (row["difference"] > 0) == (row["unit"] == ACCURACY) else "worse"


def spread_of_seeds(scores: pl.DataFrame) -> pl.DataFrame:
    """How the figures of stages that were trained with several seeds spread (``SEEDS``).

    ``scores`` have a ``checkpoint`` beside ``harness.SCORES``. It is a spread of its own: the error
    of a score is over items, and says nothing of another run.
    """
    stages = {name: run for name in scores["checkpoint"].unique() if (run := _seeded(name))}
    return (
        scores.filter(
            pl.col("checkpoint").is_in(list(stages)),
            pl.col("headline") | (pl.col("unit") == BITS),
            pl.col("value").is_not_null(),
        )
        .with_columns(pl.col("checkpoint").replace(stages).alias("stage"))
        .group_by("stage", "benchmark", "metric", "unit", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("seeds"),
            pl.col("value").mean().alias("mean"),
            pl.col("value").std().alias("deviation"),
            pl.col("value").min().alias("least"),
            pl.col("value").max().alias("greatest"),
        )
        .filter(pl.col("seeds") > 1)
        .cast(SEEDS)
    )


def _seeded(checkpoint: str) -> str | None:
    """What a checkpoint is one run of, of which there may be more with other seeds."""
    run = before_tuning(checkpoint)
    if not (is_main(run) or is_seed(run)):
        return None
    return stage_of(run) + ("/fine_tuned" if is_fine_tuned(checkpoint) else "")
