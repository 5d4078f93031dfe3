"""The loss curve of one run, as the laws read it, and how its noise is averaged.

The rule: points of the warm-up are left out, as both papers do, and so are points without a finite
loss. What remains is cut into ``BINS`` runs of equally many points (a log of fewer points stays as
it is); each becomes one point, the mean of its losses at the mean of its steps. A training loss is
that noisy that single steps say nothing; the mean of a bin is not that of a window before it, so no
point is counted twice, and none is late.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from midtrain_dagster.laws.decay.rates import Floats, Rates, warmup_of

BINS = 128
"""Points that are kept of a run."""

FEWEST = 10
"""Points that a run needs after its warm-up."""

LEVEL = 1e-9
"""By how much of the peak a rate that is level may change: what is written in decimals is
rounded."""

TABLE = pl.Schema({"step": pl.Int64, "lr": pl.Float64, "loss": pl.Float64})
"""A log as a table: ``step`` counts the updates done. Rows without a loss say a rate only."""


class LogError(ValueError):
    """A log that no law can be fitted to; the message says which, and what is wrong with it."""


@dataclass(frozen=True)
class Curve:
    """One run: its rates, and its losses at some points."""

    name: str
    rates: Rates
    points: Floats
    """Updates done at each loss."""
    losses: Floats
    """Nats a token (or whatever they are measured in), all positive and finite."""
    left_out: int = 0
    """Points of the log that are not here: without a finite loss, or in the warm-up."""
    tokens_a_step: int | None = None
    """None where nobody said: answers are then in steps."""
    parameters: int | None = None
    """Of the model; None where nobody said."""

    def until(self, point: float) -> "Curve":
        """The points up to one."""
        kept = self.points <= point
        return replace(self, points=self.points[kept], losses=self.losses[kept])


def curve(
    name: str,
    rates: Rates,
    points: Floats,
    losses: Floats,
    *,
    tokens_a_step: int | None = None,
    parameters: int | None = None,
) -> Curve:
    """The curve of a log, as it is, without the points that no law is fitted to.

    Raises :class:`LogError` where fewer than ``FEWEST`` points remain.
    """
    # Before the first update nothing was learnt, and no law says anything.
    kept = np.isfinite(losses) & (losses > 0) & (points >= rates.warmup) & (points > 0)
    if kept.sum() < FEWEST:
        raise LogError(
            f"{name}: its log has {len(points)} points, of which {int(kept.sum())} have a finite "
            f"loss after the {rates.warmup:,} steps of warm-up; a curve needs {FEWEST}: train it "
            "longer, or leave it out of the law"
        )
    return Curve(
        name=name,
        rates=rates,
        points=points[kept],
        losses=losses[kept],
        left_out=int((~kept).sum()),
        tokens_a_step=tokens_a_step,
        parameters=parameters,
    )


def binned(curve: Curve, bins: int = BINS) -> Curve:
    """The curve in at most ``bins`` points, each the mean of as many of its points, but for one."""
    count = len(curve.points)
    if count <= bins:
        return curve
    edges = np.arange(bins) * count // bins
    sizes = np.diff(np.append(edges, count))
    return replace(
        curve,
        points=np.add.reduceat(curve.points, edges) / sizes,
        losses=np.add.reduceat(curve.losses, edges) / sizes,
    )


def curve_of_table(
    name: str,
    table: pl.DataFrame,
    *,
    warmup: int | None = None,
    tokens_a_step: int | None = None,
    parameters: int | None = None,
) -> Curve:
    """The curve of a log with the columns of ``TABLE``.

    Between two rows the rate goes in a straight line; but where it is level before the first of
    them and after the second, it changes at once, at the second. Before the first row the rate is
    not known: it is taken to rise in a straight line from 0 to that of the first row over
    ``warmup`` steps (None: over all of them), and to stay there. Raises :class:`LogError` for a
    table that is none.
    """
    rows = _checked(name, table)
    steps, each = rows["step"].to_numpy().astype(np.float64), rows["lr"].to_numpy()
    first = int(steps[0])
    rises = first if warmup is None else warmup
    if rises > steps[-1]:
        raise LogError(f"{name}: a warm-up of {rises:,} steps is longer than the log")
    grid = np.arange(int(steps[-1]) + 1)
    rate = np.interp(grid, steps, each)
    for row in _jumps(each):
        rate[int(steps[row]) : int(steps[row + 1])] = each[row]
    if first > 0 and rises > 0:
        rate[: min(rises, first)] *= ((grid + 1) / rises)[: min(rises, first)]
    rates = Rates(rate, max(rises, warmup_of(rate)) if warmup is None else rises)
    known = rows.drop_nulls("loss")
    return curve(
        name,
        rates,
        known["step"].to_numpy().astype(np.float64),
        known["loss"].to_numpy(),
        tokens_a_step=tokens_a_step,
        parameters=parameters,
    )


def _jumps(each: Floats) -> NDArray[np.int64]:
    """The rows after which the rate goes from one level to another."""
    level = np.abs(np.diff(each)) <= LEVEL * each.max()
    return np.flatnonzero(~level[1:-1] & level[:-2] & level[2:]) + 1


def _checked(name: str, table: pl.DataFrame) -> pl.DataFrame:
    lacking = [column for column in TABLE if column not in table.columns]
    if lacking:
        raise LogError(
            f"{name}: no column {', '.join(lacking)} (it has {', '.join(table.columns)}); a log "
            f"has {', '.join(TABLE)}"
        )
    rows = table.select(pl.col(column).cast(kind) for column, kind in TABLE.items())
    if rows.is_empty():
        raise LogError(f"{name}: the log has no rows")
    for number, (step, rate, _) in enumerate(rows.iter_rows(), 1):
        if step is None or rate is None or step < 0 or not 0 <= rate < float("inf"):
            raise LogError(
                f"{name}: row {number}: step {step}, lr {rate}: a step counts from 0, and a rate "
                "is a number of 0 or more"
            )
    if not rows["step"].is_sorted() or rows["step"].is_duplicated().any():
        raise LogError(f"{name}: its steps do not rise from row to row")
    if rows["lr"].max() == 0:
        raise LogError(f"{name}: all its rates are 0: nothing was learnt")
    return rows


def sizes(curves: Sequence[Curve]) -> set[int]:
    """The sizes of model that are known among curves."""
    return {curve.parameters for curve in curves if curve.parameters is not None}
