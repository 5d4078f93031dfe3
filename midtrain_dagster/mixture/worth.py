"""What a law knows of a swarm, and what its proposal is worth: fits, errors, gains.

Each target is fitted to the proxies that have it, and each proxy predicted by a law that has not
seen it. The gain is the predicted difference of the proposal and the prior; its interval has both
what another choice of proxies would move (the bootstrap) and the law's error on held-out proxies,
drawn for either mixture.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from midtrain_dagster.laws.mixing import held_out, uncertainty
from midtrain_dagster.laws.mixing.measurements import Measurements, own_domain
from midtrain_dagster.laws.mixing.method import Array, Fitted, Law
from midtrain_dagster.mixture.proposal_tables import (
    GAIN,
    HELD_OUT_ERROR,
    OBJECTIVE,
    PREDICTED,
    better,
)

VERSION = 1
USES = (held_out, uncertainty)


@dataclass(frozen=True)
class Fit:
    """The law of one target."""

    fitted: Fitted
    rows: NDArray[np.bool_]
    """(proxies,): those that have a loss of it."""
    losses: Array
    """Of those."""
    out: held_out.HeldOut


def fits(
    law: Law, measured: Measurements, targets: Iterable[str], *, folds: int, seed: int
) -> dict[str, Fit]:
    """Each target's law. Raises ``TooFewProxiesError``."""
    found = {}
    for target in targets:
        own = own_domain(target, measured.domains)
        rows = np.isfinite(measured.losses[target])
        mixtures, losses = measured.mixtures[rows], measured.losses[target][rows]
        out = held_out.held_out(law, mixtures, losses, folds=folds, own=own, seed=seed)
        fitted = law.fit(mixtures, losses, own=own, seed=seed)
        found[target] = Fit(fitted, rows, losses, out)
    return found


def error_table(law: Law, measured: Measurements, fits: Mapping[str, Fit]) -> pl.DataFrame:
    """``HELD_OUT_ERROR``."""
    rows = []
    for target, fit in fits.items():
        errors = held_out.errors(fit.losses, fit.out.predicted)
        without = measured.left_out.filter(
            pl.col("target").is_null() | (pl.col("target") == target)
        )
        rows.append(
            {
                "law": law.law,
                "target": target,
                "unit": measured.units[target],
                "folds": fit.out.folds,
                "mean_absolute": errors.mean_absolute,
                "worst": errors.worst,
                "relative": errors.relative,
                "spearman": errors.spearman,
                "kendall": errors.kendall,
                "proxies": len(fit.losses),
                "left_out": without.height,
                "not_converged": fit.out.not_converged + (not fit.fitted.converged),
            }
        )
    return pl.DataFrame(rows, HELD_OUT_ERROR)


def predicted_table(measured: Measurements, fits: Mapping[str, Fit]) -> pl.DataFrame:
    """``PREDICTED``."""
    return pl.concat(
        pl.DataFrame(
            {
                "proxy": measured.proxies[fit.rows],
                "target": [target] * len(fit.losses),
                "measured": fit.losses,
                "predicted": fit.out.predicted,
            },
            PREDICTED,
        )
        for target, fit in fits.items()
    )


def gain_table(
    law: Law,
    measured: Measurements,
    fits: Mapping[str, Fit],
    targets: Mapping[str, float],
    shares: Array,
    *,
    resamples: int,
    seed: int,
) -> pl.DataFrame:
    """``GAIN`` of a proposal's shares: each target with its weight, and their weighted mean."""
    at = np.stack([measured.prior, shares])
    drawn = uncertainty.draws(len(measured.proxies), resamples, seed)
    predictions, moved = np.empty((len(fits), 2)), np.empty((len(fits), resamples))
    residuals = np.full((len(fits), len(measured.proxies)), np.nan)
    for row, (target, fit) in enumerate(fits.items()):
        own, losses = own_domain(target, measured.domains), measured.losses[target]
        by_resample = uncertainty.bootstrap(
            law, measured.mixtures, losses, at, drawn, own=own, seed=seed
        )
        predictions[row] = fit.fitted.predict(at)
        moved[row] = by_resample[:, 1] - by_resample[:, 0]
        residuals[row, fit.rows] = fit.losses - fit.out.predicted
    weights = np.array([targets[target] for target in fits])
    parts = weights / weights.sum()
    units = {measured.units[target] for target in fits}
    rows = [
        _gain(target, measured.units[target], targets[target], at_both, difference, errors, seed)
        for target, at_both, difference, errors in zip(
            fits, predictions, moved, residuals, strict=True
        )
    ]
    together = (parts @ predictions, parts @ moved, parts @ residuals)
    unit = units.pop() if len(units) == 1 else None
    rows.append(_gain(OBJECTIVE, unit, float(weights.sum()), *together, seed))
    return pl.DataFrame(rows, GAIN)


def _gain(
    target: str,
    unit: str | None,
    weight: float,
    at: Array,
    by_resample: Array,
    residuals: Array,
    seed: int,
) -> dict[str, Any]:
    """A row of ``GAIN``; ``residuals`` are NaN for proxies without a loss."""
    difference = float(at[1] - at[0])
    errors = residuals[np.isfinite(residuals)]
    low, high = uncertainty.interval(uncertainty.differences(by_resample, errors, seed))
    return {
        "target": target,
        "unit": unit,
        "weight": weight,
        "at_prior": float(at[0]),
        "at_proposal": float(at[1]),
        "difference": difference,
        "low": low,
        "high": high,
        "better": better(difference, low, high),
    }
