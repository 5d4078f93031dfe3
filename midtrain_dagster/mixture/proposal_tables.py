"""The tables beside a proposed mixture: what it keeps to, how wrong the law is, what is gained.

A proposal is worth what its law knows. So its error on held-out proxies and its gain over the
prior, with an interval, are part of the artifact; a gain that the error covers says so there.
"""

from collections.abc import Mapping
from typing import Literal

import polars as pl

from midtrain_dagster.laws.mixing.method import Array

VERSION = 2

PROPOSAL = pl.Schema(
    {
        "domain": pl.String,
        "prior": pl.Float64,
        "share": pl.Float64,
        "floor": pl.Float64,
        "ceiling": pl.Float64,
        "cap": pl.Float64,
        "max_epochs": pl.Float64,
        "frozen": pl.Boolean,
    }
)
"""A row a domain: its share in the prior and as proposed, and what bounds it. ``cap`` is the share
that its tokens allow within ``max_epochs``, which may be above 1; null, where neither is said."""

HELD_OUT_ERROR = pl.Schema(
    {
        "law": pl.String,
        "target": pl.String,
        "unit": pl.String,
        "folds": pl.Int64,
        "mean_absolute": pl.Float64,
        "worst": pl.Float64,
        "relative": pl.Float64,
        "spearman": pl.Float64,
        "kendall": pl.Float64,
        "proxies": pl.Int64,
        "left_out": pl.Int64,
        "not_converged": pl.Int64,
    }
)
"""A row a target: the error on proxies that the law had not seen, in the target's unit and as a
part of the spread (standard deviation) of what was measured; the proxies that were used and those
that were left out; the fits, to folds and to all proxies, that did not come to an end."""

PREDICTED = pl.Schema(
    {
        "proxy": pl.Int64,
        "target": pl.String,
        "measured": pl.Float64,
        "predicted": pl.Float64,
    }
)
"""A row a proxy and target; ``predicted`` is by a law that has not seen the proxy."""

Better = Literal["yes", "no", "undecided"]

GAIN = pl.Schema(
    {
        "target": pl.String,
        "unit": pl.String,
        "weight": pl.Float64,
        "at_prior": pl.Float64,
        "at_proposal": pl.Float64,
        "difference": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "better": pl.String,
    }
)
"""A row a target, and one (``OBJECTIVE``) of their weighted mean: what the law predicts of the
prior and of the proposal, the difference (negative: the proposal is better), its interval, and
whether the proposal is better beyond it (``Better``)."""

SOLUTION = pl.Schema({"way": pl.String, "gap": pl.Float64})
"""One row: how the proposal was found (``laws.mixing.proposal``), and by how much the objective
could be lower at most, where that is known."""

OBJECTIVE = "objective"
"""The target of the row of all targets together."""


def better(difference: float, low: float, high: float) -> Better:
    """Whether a loss is lower by more than the error: no, where it is not even predicted to be."""
    if difference >= 0 or low > 0:
        return "no"
    return "yes" if high < 0 else "undecided"


def verdict(found: Better) -> str:
    """The same as a sentence, for people."""
    return {
        "yes": "better than the prior, beyond the error",
        "no": "not better than the prior",
        "undecided": "not better than the prior beyond the error: undecided",
    }[found]


def overall(gain: pl.DataFrame) -> str:
    """What ``GAIN`` says of all targets together, as a sentence without a subject."""
    (row,) = gain.filter(target=OBJECTIVE).iter_rows(named=True)
    unit = f" {row['unit']}" if row["unit"] else ""
    return (
        f"{verdict(row['better'])} ({row['difference']:+.4f}, from {row['low']:+.4f} to "
        f"{row['high']:+.4f}{unit}, by the law's prediction)"
    )


def proposal_table(
    domains: tuple[str, ...],
    prior: Array,
    shares: Array,
    *,
    floors: Mapping[str, float],
    ceilings: Mapping[str, float],
    caps: Mapping[str, float],
    max_epochs: float,
    frozen: Mapping[str, float],
) -> pl.DataFrame:
    """``PROPOSAL``; a domain that no floor or ceiling names has 0 and 1."""
    return pl.DataFrame(
        {
            "domain": domains,
            "prior": prior,
            "share": shares,
            "floor": [floors.get(each, 0.0) for each in domains],
            "ceiling": [ceilings.get(each, 1.0) for each in domains],
            "cap": [caps[each] for each in domains],
            "max_epochs": [max_epochs] * len(domains),
            "frozen": [each in frozen for each in domains],
        },
        PROPOSAL,
    )
