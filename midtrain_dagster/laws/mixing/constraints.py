"""What a proposed mixture has to keep to, as the set of mixtures that do.

Each domain's share lies between its floor and the lower of its ceiling and its cap (what its tokens
allow within the epochs that are declared); domains that are frozen keep their proportions among
themselves and are one virtual domain with one share (conditional mixing, as in dolma3). So the set
is a box cut by one sum, in as many shares as are free: projecting on it, and the best of a linear
function on it, are sorted or bisected, not solved.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from midtrain_dagster.laws.mixing.method import Array

VERSION = 1

_SLACK = 1e-9
_HALVINGS = 60
_NEARLY = 1e-7
"""Of all tokens: less is what an interior point leaves at a bound, not a share."""
_LEAST = 1e-12
"""Of a share before it is scaled, so that every domain can be raised to what is needed."""


class ConflictError(ValueError):
    """Constraints that no mixture keeps; the message names those in conflict."""


@dataclass(frozen=True)
class Constraints:
    """The mixtures ``basis @ free`` with ``lower <= free <= upper`` that sum to one."""

    basis: Array
    """(domains, free): a column a free domain, and one of the proportions of those frozen."""
    lower: Array
    """(free,)"""
    upper: Array

    def full(self, free: Array) -> Array:
        """Shares of all domains, from (..., free) to (..., domains)."""
        return free @ self.basis.T

    def reduced(self, mixtures: Array) -> Array:
        """The free shares, (..., free): those of frozen domains added up."""
        return mixtures @ (self.basis > 0)

    def project(self, free: Array) -> Array:
        """Each row (..., free) scaled by one factor, and cut to its bounds, so that it sums to one:
        of what is allowed, the nearest by relative entropy."""
        rows = np.maximum(np.atleast_2d(free), _LEAST)
        low = np.full((len(rows), 1), np.log(_LEAST))
        high = -low
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            total = np.clip(rows * np.exp(middle), self.lower, self.upper).sum(1, keepdims=True)
            low, high = np.where(total < 1, middle, low), np.where(total < 1, high, middle)
        return np.clip(rows * np.exp(high), self.lower, self.upper).reshape(np.shape(free))

    def settled(self, free: Array) -> Array:
        """Allowed shares (free,) of which those that are nearly at their floor are at it: a share
        of 0 is 0. What they lose goes to the others, by the room that these have."""
        at_floor = free - self.lower < _NEARLY
        kept = np.where(at_floor, self.lower, free)
        room = np.where(at_floor, 0.0, self.upper - kept)
        left = 1 - kept.sum()
        return kept + left * room / room.sum() if left > 0 and room.sum() > left else free

    def best_vertex(self, slope: Array) -> Array:
        """The free shares (free,) with the least ``slope @ free``: the floors, and what is left to
        the cheapest."""
        free = self.lower.copy()
        for each in np.argsort(slope, kind="stable"):
            free[each] += min(self.upper[each] - free[each], max(0.0, 1 - free.sum()))
        return free


def allowed_mixtures(
    domains: Sequence[str],
    *,
    floors: Mapping[str, float],
    ceilings: Mapping[str, float],
    caps: Mapping[str, float],
    frozen: Mapping[str, float],
) -> Constraints:
    """The set of mixtures of ``domains`` that keep to all.

    ``caps`` are the shares that the tokens allow; ``frozen`` the weights of domains among
    themselves. What is not named is unbounded. Raises :class:`ConflictError`.
    """
    found = list(conflicts(floors, ceilings, frozen)) or list(
        conflicts_of(domains, floors, ceilings, caps, frozen)
    )
    if found:
        raise ConflictError("; ".join(found))
    bounds = [_bounds(each, floors, ceilings, caps) for each in domains]
    columns, limits = [], []
    weights = np.array([frozen.get(each, 0.0) for each in domains])
    if frozen:
        proportions = weights / weights.sum()
        columns.append(proportions)
        limits.append(_of_frozen(domains, proportions, bounds)[:2])
    for number, each in enumerate(domains):
        if each not in frozen:
            columns.append(np.eye(len(domains))[number])
            limits.append(bounds[number])
    lower, upper = np.array(limits).T
    return Constraints(np.column_stack(columns), lower, upper)


def conflicts(
    floors: Mapping[str, float], ceilings: Mapping[str, float], frozen: Mapping[str, float]
) -> Iterator[str]:
    """What of the constraints cannot hold together whatever the domains' tokens are."""
    if sum(floors.values()) > 1 + _SLACK:
        yield f"the floors sum to {sum(floors.values()):.4g}, more than 1 ({_listed(floors)})"
    for each, floor in floors.items():
        if floor > ceilings.get(each, 1.0) + _SLACK:
            yield f"floor {floor:g} of {each} is above its ceiling {ceilings[each]:g}"
    if frozen and sum(frozen.values()) > 0:
        domains = list(frozen)
        proportions = np.array(list(frozen.values())) / sum(frozen.values())
        bounds = [_bounds(each, floors, ceilings, {}) for each in domains]
        yield from _frozen_conflict(domains, proportions, bounds)


def conflicts_of(
    domains: Sequence[str],
    floors: Mapping[str, float],
    ceilings: Mapping[str, float],
    caps: Mapping[str, float],
    frozen: Mapping[str, float],
) -> Iterator[str]:
    """What cannot hold together in mixtures of ``domains``, given the shares that the tokens there
    are allow (``caps``; none: however many there are)."""
    for each in domains:
        if floors.get(each, 0.0) > caps.get(each, 1.0) + _SLACK:
            yield (
                f"floor {floors[each]:g} of {each} is above {caps[each]:.4g}, the share that its "
                "tokens allow within max_epochs"
            )
    bounds = [_bounds(each, floors, ceilings, caps) for each in domains]
    weights = np.array([frozen.get(each, 0.0) for each in domains])
    together = 0.0
    if frozen:
        proportions = weights / weights.sum()
        yield from _frozen_conflict(domains, proportions, bounds)
        together = _of_frozen(domains, proportions, bounds)[1]
    most = together + sum(
        upper for each, (_, upper) in zip(domains, bounds, strict=True) if each not in frozen
    )
    if most < 1 - _SLACK:
        uppers = {each: upper for each, (_, upper) in zip(domains, bounds, strict=True)}
        yield (
            f"ceilings and caps let the shares sum to {most:.4g} at most ({_listed(uppers)}): "
            "raise a ceiling or max_epochs, or train on fewer tokens"
        )


def _frozen_conflict(
    domains: Sequence[str], proportions: Array, bounds: Sequence[tuple[float, float]]
) -> Iterator[str]:
    least, most, at_least, at_most = _of_frozen(domains, proportions, bounds)
    if least > most + _SLACK:
        yield (
            f"the frozen domains need {least:.4g} together for the floor of {at_least}, and may "
            f"have {most:.4g} for the ceiling or cap of {at_most}"
        )


def _of_frozen(
    domains: Sequence[str], proportions: Array, bounds: Sequence[tuple[float, float]]
) -> tuple[float, float, str, str]:
    """The bounds of the share of all frozen domains together, and whose bounds they are."""
    inside = [number for number, part in enumerate(proportions) if part > 0]
    least, at_least = max((bounds[each][0] / proportions[each], domains[each]) for each in inside)
    most, at_most = min((bounds[each][1] / proportions[each], domains[each]) for each in inside)
    return float(least), float(min(most, 1.0)), at_least, at_most


def _bounds(
    domain: str,
    floors: Mapping[str, float],
    ceilings: Mapping[str, float],
    caps: Mapping[str, float],
) -> tuple[float, float]:
    return floors.get(domain, 0.0), min(1.0, ceilings.get(domain, 1.0), caps.get(domain, 1.0))


def _listed(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{each} {share:.4g}" for each, share in shares.items())
