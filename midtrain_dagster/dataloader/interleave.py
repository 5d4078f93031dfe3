"""Which domain each window of a stage is from: shares kept at every moment, not on average.

This is the chairman assignment problem: states (domains) with fractional claims to every year
(window) supply one chairman a year, and no state may ever be far ahead of or behind its claims so
far. Tijdeman (The chairman assignment problem, Discrete Mathematics 32, 1980, 323-330) chooses,
among the domains whose claim is due, the one whose next window is overdue first; no domain is then
ever more than ``1 - 1/(2k - 2)`` windows from its claim, with ``k`` domains and shares that change
at will, and no assignment does better in general. Taking the largest deficit instead looks the same
and has no such bound; largest remainders at every step can take a window back.
"""

from collections.abc import Callable
from functools import cache

import numpy as np


def assign(shares: np.ndarray, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Assign every window of a stage to a domain.

    ``shares`` is ``[steps, domains]``, each row summing to one; ``windows`` are those of each step.
    Returns the domain of each window (uint16, ``[windows.sum()]``) and how many windows of each
    domain come before each step (int64, ``[steps + 1, domains]``). Time grows with windows times
    domains.
    """
    windows = np.broadcast_to(np.asarray(windows, np.int64), shares.shape[:1])
    first = np.append(0, np.cumsum(windows))
    steps, domains = shares.shape
    chosen = np.empty(first[-1], np.uint16)
    before = np.zeros((steps + 1, domains), np.int64)
    claims = np.zeros((steps + 1, domains))
    np.cumsum(shares * windows[:, None], axis=0, out=claims[1:])
    _compiled()(np.ascontiguousarray(shares), claims, first, chosen, before)
    return chosen, before


@cache
def _compiled() -> Callable[..., None]:
    from midtrain_dagster.core.jit import jit

    return jit(_assign)


def _assign(
    shares: np.ndarray,
    claims: np.ndarray,
    first: np.ndarray,
    chosen: np.ndarray,
    before: np.ndarray,
) -> None:
    steps, domains = shares.shape
    slack = 1.0 / (2 * domains - 2) if domains > 1 else 0.5
    taken = np.zeros(domains, np.int64)
    due_step = np.zeros(domains, np.int64)
    overdue = np.full(domains, -1.0)  # the window when the next one is overdue; -1: not known
    for step in range(steps):
        for slot in range(first[step + 1] - first[step]):
            best, best_due = -1, np.inf
            behind, most_behind = 0, -np.inf
            for domain in range(domains):
                if overdue[domain] < 0:
                    level = taken[domain] + 1 - slack
                    at = due_step[domain]
                    while at < steps and claims[at + 1, domain] < level:
                        at += 1
                    due_step[domain] = at
                    overdue[domain] = np.inf
                    if at < steps:
                        part = (level - claims[at, domain]) / shares[at, domain]
                        overdue[domain] = first[at] + part
                deficit = claims[step, domain] + (slot + 1) * shares[step, domain] - taken[domain]
                if deficit > most_behind:
                    behind, most_behind = domain, deficit
                if deficit >= slack and (best < 0 or overdue[domain] < best_due):
                    best, best_due = domain, overdue[domain]
            if best < 0:  # only rounding leaves no domain due
                best = behind
            chosen[first[step] + slot] = best
            taken[best] += 1
            overdue[best] = -1.0
        before[step + 1] = taken
