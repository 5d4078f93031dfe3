"""How sure a law is of what it says: the bootstrap over proxies, the same for every law.

Proxies are drawn again with replacement (Efron 1979) and the law is fitted to each draw; how far
its predictions move is what the choice of proxies is worth. It does not see what the form of the
law gets wrong everywhere: that is in the error on held-out proxies (``held_out``), and whoever
compares two mixtures adds both (:func:`differences`).
"""

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.laws.mixing.method import Array, Law

VERSION = 1

LEVEL = 0.9
"""Of the intervals: from the twentieth lowest to the twentieth highest of 400, say."""


def draws(proxies: int, resamples: int, seed: int) -> NDArray[np.int64]:
    """Which proxies each resample has, (resamples, proxies): one drawing for all targets."""
    return np.random.default_rng(seed).integers(0, proxies, (resamples, proxies))


def draws_within(groups: NDArray[np.int64], resamples: int, seed: int) -> NDArray[np.int64]:
    """As :func:`draws`, each group (of ``groups`` (proxies,)) with as many as it has: no resample
    is without one."""
    generator = np.random.default_rng(seed)
    drawn = np.empty((resamples, len(groups)), np.int64)
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        drawn[:, members] = generator.choice(members, (resamples, len(members)))
    return drawn


def bootstrap(
    law: Law,
    mixtures: Array,
    losses: Array,
    at: Array,
    drawn: NDArray[np.int64],
    *,
    own: int | None = None,
    seed: int = 0,
) -> Array:
    """What each resample predicts, (resamples, mixtures), of the mixtures ``at``.

    ``losses`` may have NaN, for proxies that have no measure of this target: a resample is then
    drawn from those that have one, and is as many.
    """
    measured = np.flatnonzero(np.isfinite(losses))
    predictions = np.empty((len(drawn), len(at)))
    for row, proxies in enumerate(drawn):
        chosen = measured[proxies[: len(measured)] % len(measured)]
        fitted = law.fit(mixtures[chosen], losses[chosen], own=own, seed=seed)
        predictions[row] = fitted.predict(at)
    return predictions


def interval(values: Array) -> tuple[float, float]:
    """The middle ``LEVEL`` of some values."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def differences(by_resample: Array, residuals: Array, seed: int) -> Array:
    """What the difference of two mixtures may be: that of each resample (resamples,), off by the
    difference of two errors drawn from those on held-out proxies (proxies,)."""
    drawn = np.random.default_rng(seed).choice(residuals, (2, len(by_resample)))
    return by_resample + drawn[0] - drawn[1]
