"""A swarm's tables as points of a law of a ratio: the share of one domain, tokens, size, loss.

A law of a ratio knows one domain and calls the rest general, so what the rest is made of is, to it,
noise: its error on proxies left out says how much that matters. All sizes of a search are points
of one law, since only they vary the tokens and the parameters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from midtrain_dagster.core.suggestion import did_you_mean
from midtrain_dagster.laws.mixing.measurements import UnmeasuredError, measurements
from midtrain_dagster.laws.mixing.method import Array

FEWEST = 2
"""Proxies of the same tokens and parameters: of one alone nothing is known when it is left out."""


class UnknownDomainError(ValueError):
    """A domain that a search does not mix; the message has those that it does."""


@dataclass(frozen=True)
class Points:
    """Proxies that have a loss, whatever their size."""

    domain: str
    """Whose share the ratio is."""
    at: Array
    """(runs, 3): the share, the tokens and the parameters of each."""
    losses: Array
    """(runs,), finite; the mean of those of several targets."""
    left_out: tuple[str, ...]
    """Proxies that are no points, with the reason."""

    @property
    def groups(self) -> NDArray[np.int64]:
        """The number of each run's pair of tokens and parameters, (runs,)."""
        return np.unique(self.at[:, 1:], axis=0, return_inverse=True)[1].ravel()

    def of_size(self, parameters: float) -> "Points":
        """Those of one size of model; there may be none."""
        rows = self.at[:, 2] == parameters
        return Points(self.domain, self.at[rows], self.losses[rows], self.left_out)

    def of_the_rest(self) -> "Points":
        """The same with the share of all other domains in the place of the domain's."""
        at = self.at.copy()
        at[:, 0] = 1 - at[:, 0]
        return Points(f"all but {self.domain}", at, self.losses, self.left_out)


def points(
    mixtures: pl.DataFrame,
    proxies: pl.DataFrame,
    losses: pl.DataFrame,
    domains: pl.DataFrame,
    *,
    domain: str,
    targets: Sequence[str],
) -> Points:
    """The points of a swarm (its tables as ``measurements`` says) for the mean of some targets.

    Raises :class:`UnknownDomainError`, and ``UnmeasuredError`` where a target has no loss.
    """
    known = domains["domain"].to_list()
    if domain not in known:
        raise UnknownDomainError(
            f"the search does not mix {domain!r} (it mixes {', '.join(known)})"
            + did_you_mean(domain, known)
        )
    counted = {row["proxy"]: (row["tokens"], row["parameters"]) for row in proxies.to_dicts()}
    rows, values, left_out = [], [], []
    for size in proxies["size"].unique(maintain_order=True):
        found = measurements(mixtures, proxies, losses, domains, targets=targets, size=size)
        mean = np.mean([found.losses[target] for target in targets], axis=0)
        shares = found.mixtures[:, known.index(domain)]
        rows += [
            (share, *counted[int(proxy)])
            for share, proxy in zip(shares, found.proxies, strict=True)
        ]  # fmt: skip
        values += mean.tolist()
        left_out += [
            f"proxy {proxy}: {reason}" + ("" if target is None else f" of {target}")
            for proxy, target, reason in found.left_out.iter_rows()
        ]
    at, level = np.array(rows, np.float64).reshape(-1, 3), np.array(values)
    measured = np.isfinite(level)
    if not measured.any():
        raise UnmeasuredError(
            f"no proxy has a finite {' and '.join(targets)}: {'; '.join(left_out[:3])}"
        )
    return _without_lonely(domain, at[measured], level[measured], left_out)


def _without_lonely(domain: str, at: Array, losses: Array, left_out: list[str]) -> Points:
    """Without runs that are alone with their tokens and parameters."""
    pairs, group, counts = np.unique(at[:, 1:], axis=0, return_inverse=True, return_counts=True)
    kept = counts[group.ravel()] >= FEWEST
    alone = [
        f"the only proxy of {tokens:,.0f} tokens and {size:,.0f} parameters"
        for (tokens, size), count in zip(pairs, counts, strict=True)
        if count < FEWEST
    ]
    return Points(domain, at[kept], losses[kept], (*left_out, *alone))
