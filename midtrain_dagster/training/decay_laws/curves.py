"""The step logs that stages leave, as decay laws read them.

A run goes on from another, so its rates are those of all runs that it goes back to, one after the
other, and its losses are its own: theirs were on what they were fed. Steps that moved nothing (they
were skipped, or their rate was 0, as where moments are estimated anew) are no steps here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from midtrain_dagster.laws.decay.config import Before
from midtrain_dagster.laws.decay.curve import Curve, LogError, curve
from midtrain_dagster.laws.decay.rates import Rates, warmup_of
from midtrain_dagster.training.stage import RANDOM

VERSION = 1


@dataclass(frozen=True)
class Logged:
    """A run's log (``metrics.log.LOG``), and the runs before it, the first of all first."""

    log: pl.DataFrame
    before: Sequence[pl.DataFrame] = ()
    given: Before | None = None
    """What a given base was trained on, where the first of them goes on from that."""


def moving(log: pl.DataFrame) -> pl.DataFrame:
    """The steps of a log that moved something."""
    return log.filter(pl.col("skipped").is_null() & (pl.col("learning_rate") > 0))


def rates_of(logged: Logged) -> Rates:
    """The rates of a run from the beginning on."""
    given = logged.given
    first = [] if given is None else [np.full(given.steps, given.learning_rate)]
    logs = [moving(log)["learning_rate"].to_numpy() for log in (*logged.before, logged.log)]
    each = np.concatenate([*first, *logs])
    return Rates(each, 0 if given is not None else warmup_of(each))


def curve_of(
    name: str, logged: Logged, *, tokens_a_step: int | None, parameters: int | None
) -> Curve:
    """The curve of a run. Raises ``LogError`` where too few of its steps have a loss."""
    steps = moving(logged.log)
    if steps.is_empty():
        raise LogError(f"{name}: none of its {logged.log.height} steps moved anything")
    rates = rates_of(logged)
    losses = steps["loss"].fill_null(float("nan")).to_numpy()
    points = np.arange(rates.steps - steps.height, rates.steps, dtype=np.float64)
    return curve(name, rates, points, losses, tokens_a_step=tokens_a_step, parameters=parameters)


def logged_runs(
    runs: Sequence[str],
    logs: Mapping[str, pl.DataFrame],
    starts: Mapping[str, str],
    given: Before | None,
) -> dict[str, Logged]:
    """Runs with what they go back to; ``starts`` has the start of each run, ``logs`` those of all
    that are gone back to."""
    found = {}
    for run in runs:
        before = []
        start = starts[run]
        while start in logs:
            before.append(logs[start])
            start = starts[start]
        found[run] = Logged(logs[run], before[::-1], None if start == RANDOM else given)
    return found
