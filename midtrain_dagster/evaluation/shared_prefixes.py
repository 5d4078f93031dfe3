"""Which texts are read behind one prefix: those that begin with the same tokens, worked examples
for the most part.

Texts are sorted, so those with the same beginning are neighbours, and cut into runs: a text joins
the run before it where what is read once then is more than without it. That is greedy and not the
best there is; it finds the examples that all items share, and those that the items of a subject do.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

LEAST = 16
"""Tokens below which a prefix is not worth a pass of its own."""


class Shared(NamedTuple):
    """Texts that are read behind one prefix."""

    prefix: int
    """Its tokens; 0: these have none."""
    texts: list[int]


def shared_prefixes(texts: Sequence[Sequence[int]]) -> list[Shared]:
    """Every text in one group, the longest texts of a group first. A prefix is shorter than each of
    its texts, so that something of each is read."""
    order = sorted(range(len(texts)), key=lambda at: tuple(texts[at]))
    arrays = [np.asarray(texts[at], np.int64) for at in order]
    same = [_same(left, right) for left, right in pairwise(arrays)]
    runs: list[tuple[int, list[int]]] = []
    for place, at in enumerate(order):
        most = max(0, len(texts[at]) - 1)
        joins = min(same[place - 1], most) if place else 0
        follows = same[place] if place < len(same) else 0
        if runs and _is_better(*runs[-1], joins, follows):
            runs[-1] = (min(runs[-1][0], joins), [*runs[-1][1], at])
        else:
            runs.append((most, [at]))
    alone = [at for prefix, run in runs if not _is_worth(prefix, run) for at in run]
    groups = [Shared(prefix, run) for prefix, run in runs if _is_worth(prefix, run)]
    groups += [Shared(0, alone)] if alone else []
    return [
        Shared(prefix, sorted(run, key=lambda at: (-len(texts[at]), at))) for prefix, run in groups
    ]


def _is_worth(prefix: int, run: list[int]) -> bool:
    return prefix >= LEAST and len(run) > 1


def _is_better(prefix: int, run: list[int], joins: int, follows: int) -> bool:
    """Whether a text joins a run: ``joins`` tokens are its own and those of the text before it,
    ``follows`` those that it shares with the next."""
    shared = min(prefix, joins)
    if shared < LEAST or (len(run) == 1 and follows > 2 * shared):
        return False
    return shared * len(run) >= prefix * (len(run) - 1)


def _same(left: np.ndarray, right: np.ndarray) -> int:
    """With how many tokens both begin."""
    least = min(len(left), len(right))
    differ = (left[:least] != right[:least]).nonzero()[0]
    return int(differ[0]) if len(differ) else least
