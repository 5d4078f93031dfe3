"""Whose text a passage is: the item that explains it best, not every item that resembles it.

Items of one benchmark resemble each other (a form with other numbers, a passage under five
questions), so a page with one of them would be laid at the door of dozens. Occurrences are taken
from the best down, by the share of the text that is there, then by its words. One of which more
than half the span belongs to better ones is their echo and is dropped. Equals (the same item under
two names) both stand.
"""

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.core.jit import jit


def best_of_spans(
    group: NDArray[np.int64],
    first_word: NDArray[np.int64],
    last_word: NDArray[np.int64],
    ratio: NDArray[np.float64],
    common: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Which occurrences stand. Those of one ``group`` (document and benchmark) contend."""
    order = np.lexsort((last_word, first_word, -common, -ratio, group))
    same = np.ones(len(order), np.bool_)
    for each in (group, ratio, common, first_word, last_word):
        same[1:] &= each[order][1:] == each[order][:-1]
    same[:1] = False
    kept = np.zeros(len(order), np.bool_)
    if len(order):
        base = int(first_word.min())
        room = int(last_word.max()) - base + 1
        kept[order] = _stands(
            group[order], first_word[order] - base, last_word[order] - base, same, room
        )
    return kept


@jit
def _stands(group, first, last, same, room):  # type: ignore[no-untyped-def]
    """Of occurrences from the best down; ``same`` ones are as good as the one before, and there."""
    kept = np.zeros(len(group), np.bool_)
    owner = np.full(room, -1, np.int64)  # the group that a word was last given away in
    for index in range(len(group)):
        if same[index]:
            kept[index] = kept[index - 1]
            continue
        start, stop = first[index], last[index] + 1
        taken = 0
        for word in range(start, stop):
            taken += owner[word] == group[index]
        if 2 * taken <= stop - start:
            kept[index] = True
            owner[start:stop] = group[index]
    return kept
