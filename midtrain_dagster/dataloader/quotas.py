"""What each domain gives of each length class, where both have shares of the tokens.

Domains have shares (the rows of a table), classes have shares (its columns), and a cell is what
domain and class give together. Of all tables that fit, this takes the one nearest to the corpus: a
class is raised by the same factor in every domain that has documents of it, as far as their own
shares allow. That is iterative proportional fitting (Deming and Stephan 1940), which begins with
the tokens that there are and minimises the Kullback-Leibler divergence from them (Csiszár 1975).

Whether any table fits, is seen before (Gale 1957): some classes together may ask no more than the
domains have that hold documents of one of them.
"""

from itertools import chain, combinations

import numpy as np

ENOUGH = 1e-6
"""By how much of all tokens shares may miss each other: they are written with few digits."""

TOLERANCE = 1e-9
ROUNDS = 2_000
"""Where a table fits only with empty cells, fitting comes near it as one over the rounds."""


def short_of(
    rows: np.ndarray, columns: np.ndarray, held: np.ndarray
) -> tuple[int, tuple[int, ...]] | None:
    """The fewest classes that ask for more than the domains that hold them have, and the first
    moment when they do; None if all fit.

    ``rows`` are the domains' shares ``[moments, domains]``, ``columns`` each class's share of their
    sum, ``held`` says whether a domain has documents of a class, ``[domains, classes]``.
    """
    sums, every = rows.sum(axis=1), range(len(columns))
    for some in chain.from_iterable(combinations(every, size) for size in range(1, len(columns))):
        classes = list(some)
        had = rows[:, held[:, classes].any(axis=1)].sum(axis=1)
        wrong = np.flatnonzero(columns[classes].sum() * sums > had + ENOUGH)
        if wrong.size:
            return int(wrong[0]), some
    return None


def quotas(rows: np.ndarray, columns: np.ndarray, supply: np.ndarray) -> np.ndarray:
    """The share of each domain and class at each moment, ``[moments, domains, classes]``.

    ``rows`` are the domains' shares ``[moments, domains]``, ``columns`` each class's share of their
    sum, ``supply`` the tokens that there are ``[domains, classes]``. Rows come out exact, columns
    within a part in a billion, or in a thousand where only a table with empty cells fits.
    """
    distinct, place = np.unique(rows, axis=0, return_inverse=True)
    wanted = distinct.sum(axis=1, keepdims=True) * columns
    table = distinct[:, :, None] * (supply / np.maximum(supply.sum(axis=1, keepdims=True), 1))
    for _ in range(ROUNDS):
        table = table * _ratio(wanted, table.sum(axis=1))[:, None, :]
        off = np.abs(table.sum(axis=2) - distinct).max(initial=0)
        table = table * _ratio(distinct, table.sum(axis=2))[:, :, None]
        if off < TOLERANCE:
            break
    return table[place.reshape(-1)]


def _ratio(wanted: np.ndarray, found: np.ndarray) -> np.ndarray:
    return np.divide(wanted, found, out=np.zeros_like(wanted), where=found > 0)
