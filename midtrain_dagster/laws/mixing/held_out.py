"""The error of a law on proxies that it was not fitted to, and how well it orders them.

The same for every law: the proxies are dealt into folds by a seed, and each fold is predicted by a
law fitted to the others. Beside the mean and the worst error stand the losses' own spread (a law
that always says the mean has an error of about four fifths of it) and the rank correlations, which
are what a search needs: Spearman's, as RegMix publishes, and Kendall's.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.laws.mixing.method import Array, Law, TooFewProxiesError

VERSION = 1


@dataclass(frozen=True)
class Errors:
    """How far predictions are from what was measured, in the target's unit."""

    mean_absolute: float
    worst: float
    relative: float | None
    """The mean error as a part of the spread (standard deviation) of what was measured; None where
    all measured alike."""
    spearman: float | None
    """None where nothing can be ordered: all measured, or all predicted, alike."""
    kendall: float | None


@dataclass(frozen=True)
class HeldOut:
    """Predictions of each proxy by a law that has not seen it."""

    predicted: Array
    folds: int
    not_converged: int
    """Of the fits to all folds but one, those that did not come to an end."""


def proxies_needed(law: Law, domains: int, folds: int) -> int:
    """The fewest proxies of which every fold leaves enough to fit the law to."""
    needed = law.parameters(domains)
    proxies = max(needed + 1, folds)
    while proxies - ceil(proxies / folds) < needed:
        proxies += 1
    return proxies


def held_out(
    law: Law,
    mixtures: Array,
    losses: Array,
    *,
    folds: int,
    own: int | None = None,
    seed: int = 0,
    groups: NDArray[np.int64] | None = None,
) -> HeldOut:
    """Each proxy's loss as predicted from the other folds.

    With ``groups`` (proxies,) those of a group are dealt one after the other, so that no fold has
    a group of two or more to itself.
    Raises :class:`TooFewProxiesError`, saying how many the law and the folds need.
    """
    proxies, domains = mixtures.shape
    needed = proxies_needed(law, domains, folds)
    if proxies < needed:
        raise TooFewProxiesError(
            f"law {law.law}: {proxies} proxies, and it is fitted to {law.parameters(domains)} at "
            f"least ({domains} domains), here to {folds - 1} of {folds} folds: train at least "
            f"{needed}, or take a law that needs fewer"
        )
    fold = _dealt(proxies, folds, seed, groups)
    predicted = np.empty(proxies)
    not_converged = 0
    for each in range(folds):
        left_out = fold == each
        fitted = law.fit(mixtures[~left_out], losses[~left_out], own=own, seed=seed)
        predicted[left_out] = fitted.predict(mixtures[left_out])
        not_converged += not fitted.converged
    return HeldOut(predicted, folds, not_converged)


def _dealt(
    proxies: int, folds: int, seed: int, groups: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    """The fold of each proxy."""
    fold = np.arange(proxies) % folds
    generator = np.random.default_rng(seed)
    if groups is None:
        generator.shuffle(fold)
        return fold
    order = generator.permutation(proxies)
    dealt = np.empty_like(fold)
    dealt[order[np.argsort(groups[order], kind="stable")]] = fold
    return dealt


def errors(measured: Array, predicted: Array) -> Errors:
    """The errors of predictions, all (proxies,)."""
    from scipy.stats import kendalltau, spearmanr

    away = np.abs(predicted - measured)
    spread = float(measured.std())
    ordered = bool(np.ptp(measured) and np.ptp(predicted))
    return Errors(
        float(away.mean()),
        float(away.max()),
        float(away.mean()) / spread if spread else None,
        float(spearmanr(measured, predicted).statistic) if ordered else None,
        float(kendalltau(measured, predicted).statistic) if ordered else None,
    )
