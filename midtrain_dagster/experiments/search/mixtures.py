"""Which mixtures are tried: the first round by a rule alone, later ones near a law's best.

Later rounds are those of CLIMB (Diao et al. 2025, arXiv 2504.13161, section 3.2): a predictor is
fitted to all proxies so far, candidates are drawn by the same rule, and the next proxies are drawn
at random among the best of them, so that they neither repeat the one best mixture nor leave its
neighbourhood. Targets are made comparable by their spread over the proxies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from midtrain_dagster.core.draws import key, uniform
from midtrain_dagster.experiments.draws.method import Floats, Wanted
from midtrain_dagster.experiments.search.settings import MixtureSearch
from midtrain_dagster.experiments.search.tables import wide

VERSION = 1

CANDIDATES = 4_096
"""Mixtures that a law looks at for a later round."""

BLOCKS = 16
"""So many times the mixtures that are wanted are drawn at most, where some come again."""

AMONG = 8
"""A later round is drawn among so many times its proxies, the best by the law."""

OTHER_NUMBERS = 2**20
"""Where the numbers of candidates begin, by round: no proxy of the first round has one."""


@dataclass(frozen=True)
class Ground:
    """What mixtures are drawn over: the domains in the order of the recipe, ``[d]`` each."""

    prior: Floats
    """Each domain's tokens, or its share as the recipe says: up to a factor, so that no domain's
    depends on another's."""
    once: Floats
    """The share with which the target run reads a domain once; infinite without one."""


class TooFewProxiesError(ValueError):
    """A round that no law can be fitted after; the message says how many proxies are there."""


def first_round(search: MixtureSearch, ground: Ground, seed: int) -> Floats:
    """The mixtures of the first round, ``[n, d]`` over all domains of the search, no two the same:
    of a mixture that comes again (a domain alone does) the next one takes the place. Those that
    have a domain which is not wanted any more are left out, and none takes their place, so fewer
    may be there than were asked for; so they may where there are not so many. Raises ``DrawError``.
    """
    count = search.rounds[0]
    found: dict[bytes, Floats] = {}
    left_out = 0
    for block in range(BLOCKS):
        wanted, rows = _drawn(search, ground, seed, count, block * count)
        for is_wanted, row in zip(wanted, rows, strict=True):
            if len(found) + left_out == count:
                return _stacked(found, len(search.domains))
            if is_wanted:
                found.setdefault(row.tobytes(), row)
            else:
                left_out += 1
    return _stacked(found, len(search.domains))


def next_round(
    search: MixtureSearch,
    ground: Ground,
    seed: int,
    number: int,
    mixtures: pl.DataFrame,
    losses: pl.DataFrame,
) -> Floats:
    """The mixtures of round ``number`` (from 1), ``[n, d]``, by the law's fit to the rounds before.

    ``mixtures`` and ``losses`` are the tables of the proxies so far. Raises ``TooFewProxiesError``
    where fewer are whole than the law has parameters.
    """
    may, drawn = _drawn(search, ground, seed, CANDIDATES, number * OTHER_NUMBERS)
    wanted = _is_kept(search)
    candidates = np.unique(drawn[may], axis=0)
    tried = wide(mixtures, losses, list(search.kept))[1]
    known = {row.tobytes() for row in tried}
    new = [row[wanted].tobytes() not in known for row in candidates]
    candidates = candidates[new]
    best = scores(search, mixtures, losses, candidates[:, wanted], seed)
    count = search.rounds[number]
    nearest = np.argsort(best, kind="stable")[: AMONG * count]
    generator = np.random.Generator(np.random.PCG64(key("round", seed, number)))
    chosen = generator.choice(len(nearest), min(count, len(nearest)), replace=False)
    return candidates[nearest[np.sort(chosen)]]


def scores(
    search: MixtureSearch,
    mixtures: pl.DataFrame,
    losses: pl.DataFrame,
    candidates: Floats,
    seed: int,
) -> NDArray[np.float64]:
    """What the law predicts of each candidate ``[n, kept domains]``: the mean over the targets of
    losses in units of their spread, weighed by the objective; lower is better."""
    law = search.law
    assert law is not None, "the section says so before"
    _, shares, measured = wide(mixtures, losses, list(search.kept))
    weights = objective(search, measured.columns)
    total = np.zeros(len(candidates))
    for target, weight in weights.items():
        values = measured[target].to_numpy().astype(np.float64)
        there = np.isfinite(values)
        needed = law.parameters(len(search.kept))
        if there.sum() < needed:
            raise TooFewProxiesError(
                f"{target}: {there.sum()} proxies did not fail, and the law {law.law!r} has "
                f"{needed} parameters: train more in the first round, or look at why they failed"
            )
        spread = float(values[there].std())
        if spread == 0:
            continue  # no mixture does anything to it, so none is better
        own = target.removeprefix("loss/")
        column = search.kept.index(own) if own in search.kept else None
        fitted = law.fit(shares[there], values[there], own=column, seed=seed)
        total += weight * fitted.predict(candidates) / spread
    return total


def objective(search: MixtureSearch, targets: Sequence[str]) -> Mapping[str, float]:
    """The weight of each target that counts; they sum to one."""
    weights = search.objective or dict.fromkeys(targets, 1.0)
    whole = sum(weights.values())
    return {target: weight / whole for target, weight in weights.items()}


def present(search: MixtureSearch, numbers: range, seed: int) -> NDArray[np.bool_]:
    """Which domains each mixture may have, ``[n, d]``: drawn by the mixture's number and the
    domain's name alone. Where none is drawn, the first that would be."""
    columns = [
        uniform(pl.Series([f"{number} {domain}" for number in numbers]), seed)
        for domain in search.domains
    ]
    drawn = np.stack(columns, axis=1)
    there = drawn >= search.absence
    there[np.arange(len(drawn)), drawn.argmax(axis=1)] = True
    return there


def _drawn(
    search: MixtureSearch, ground: Ground, seed: int, count: int, first: int
) -> tuple[NDArray[np.bool_], Floats]:
    """So many mixtures, and which of them have no domain that is not wanted any more. The others
    are not as they were when it was: nobody knows its tokens now."""
    there, kept = present(search, range(first, first + count), seed), _is_kept(search)
    wanted = np.asarray(~there[:, ~kept].any(axis=1))
    there = there & kept
    there[~there.any(axis=1)] = kept
    return wanted, search.draw.shares(Wanted(there, ground.prior, ground.once, seed, first))


def _is_kept(search: MixtureSearch) -> NDArray[np.bool_]:
    return np.array([each not in search.without for each in search.domains])


def _stacked(rows: Mapping[bytes, Floats], domains: int) -> Floats:
    return np.array(list(rows.values()), np.float64).reshape(-1, domains)
