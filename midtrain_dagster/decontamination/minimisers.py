"""Which runs of words stand for a text, so that two texts with a window in common share one.

Of every window of ``WINDOW`` words one run of ``RUN`` words is chosen, by what stands in the window
alone: wherever a window recurs, the same run is chosen (a local scheme: Roberts et al.,
"Reducing storage requirements for biological sequence comparison", Bioinformatics 20, 2004). Runs
are chosen as mod-minimisers are (Groot Koerkamp and Pibiri, "The mod-minimizer", WABI 2024, section
3, with t = 1): the first word of least rank, at place ``x`` of the window, and the run from
``x mod (WINDOW - RUN + 1)`` on, which holds that word. One in three windows of random words brings
a new run, the least that is possible for runs of five in windows of eight; plain minimisers bring
two in five.

Words are ranked longest first, then by hash, so that a run holds the rarest word around and says
more than "one of the following is".
"""

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.core.jit import jit
from midtrain_dagster.decontamination.words import Words

WINDOW = 8
"""Words in a row of which every repetition is seen: the floor of the texts that are searched."""

RUN = 5
"""Words that are hashed together: as many as let one of three windows bring a new run."""

LONGEST = 15
"""Bytes from which words count as equally long."""

NONE = -1

_STEP = WINDOW - RUN + 1
_BASE = np.uint64(0x9E3779B97F4A7C15)


def chosen_runs(words: Words) -> NDArray[np.int64]:
    """For each word the first word of the run that is chosen of the window from it on; ``NONE``
    where its document ends before the window does."""
    return _choose(words.first, _ranks(words.hashes, words.start, words.stop))


def run_hashes(words: Words, starts: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A hash of the run of words from each start on; accents count for nothing."""
    return _hash_runs(words.hashes, starts)


def new_runs(words: Words) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The runs that the windows of each document choose, a hash and the first word of each, once
    where windows in a row choose the same."""
    chosen = _new(chosen_runs(words))
    return run_hashes(words, chosen), chosen


@jit
def _new(chosen):  # type: ignore[no-untyped-def]
    """What is chosen, without what was chosen just before and ``NONE``."""
    kept = np.empty(len(chosen), np.int64)
    count = 0
    last = NONE
    for index in range(len(chosen)):
        if chosen[index] != last and chosen[index] != NONE:
            kept[count] = chosen[index]
            count += 1
        last = chosen[index]
    return kept[:count]


@jit
def _ranks(hashes, start, stop):  # type: ignore[no-untyped-def]
    ranks = np.empty(len(hashes), np.uint64)
    for word in range(len(hashes)):
        length = min(stop[word] - start[word], LONGEST)
        ranks[word] = np.uint64(LONGEST - length) << np.uint64(60) | hashes[word] >> np.uint64(4)
    return ranks


@jit
def _choose(first, ranks):  # type: ignore[no-untyped-def]
    chosen = np.full(len(ranks), NONE, np.int64)
    for document in range(len(first) - 1):
        least = first[document] - 1
        for window in range(first[document], first[document + 1] - WINDOW + 1):
            last = window + WINDOW - 1
            if least < window:
                least = window
                for word in range(window + 1, last + 1):
                    if ranks[word] < ranks[least]:
                        least = word
            elif ranks[last] < ranks[least]:
                least = last
            chosen[window] = window + (least - window) % _STEP
    return chosen


@jit
def _hash_runs(hashes, starts):  # type: ignore[no-untyped-def]
    result = np.empty(len(starts), np.uint64)
    for index in range(len(starts)):
        state = np.uint64(0)
        for word in range(starts[index], starts[index] + RUN):
            state = (state ^ hashes[word]) * _BASE
            state ^= state >> np.uint64(32)
        state = (state ^ (state >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
        result[index] = state ^ (state >> np.uint64(33))
    return result
