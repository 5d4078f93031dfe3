"""Which documents of a part may hold a benchmark's texts, by the part's sketch.

The scan finds a text by a window of its words that stands in a document word for word: an n-gram,
or all of a shorter text (`searched`). Each such window of ``minimisers.WINDOW`` words or more has
chosen runs, those of every window of eight within its first ``sketch.REACH`` words. The cell in
which a document holds the window's first word has all of them. So the documents with a word in a
cell that has all runs of some window are a superset of those in which the scan finds anything (it
compares letters, and what it finds is then measured).

Most windows are nowhere in a part. One run of each is looked up before the others, the one that
most windows have, so that few stand for all.

A window of fewer words has no run. The default method has none: it searches texts from 8 words on.
A recipe that sets ``shortest`` or ``ngram`` lower has some, which are counted (`Evidence.short`).
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from midtrain_dagster.core.jit import jit
from midtrain_dagster.decontamination.minimisers import NONE, WINDOW, chosen_runs, run_hashes
from midtrain_dagster.decontamination.searched import Searched
from midtrain_dagster.decontamination.sketch import CELL, REACH, Sketch, cells_of

LOOKS_A_KEY = 8
"""Comparisons for each key of a sketch after which documents are candidates without further looks:
what bounds the time on documents that hold half of everything."""


class Evidence(NamedTuple):
    """The windows by which texts are found, as sets of runs."""

    hashes: NDArray[np.uint64]
    """Of the runs, sorted, each once."""
    sets: NDArray[np.int32]
    """A row a set, each once: indexes into ``hashes``, then ``NONE`` to the end."""
    asked: NDArray[np.int64]
    """The runs that are looked up first, in order: each set has one."""
    asks: NDArray[np.int64]
    """Of each set the number of its own in ``asked``."""
    short: int
    """Windows of too few words to have a run."""


def evidence_of(searched: Searched) -> Evidence:
    """The evidence in the texts of items."""
    kept = searched.is_evidence
    text, position, size = (each[kept] for each in searched.windows)
    long = size >= WINDOW
    starts = searched.words.first[text[long]] + position[long]
    chosen = chosen_runs(searched.words)
    runs = np.zeros(len(chosen), np.uint64)
    runs[chosen != NONE] = run_hashes(searched.words, chosen[chosen != NONE])
    hashes, number = np.unique(runs, return_inverse=True)
    sets = _sets(number.astype(np.int64), starts, np.minimum(size[long], REACH) - WINDOW + 1)
    different = pl.DataFrame(sets).unique(maintain_order=True).to_numpy()
    asked, asks = np.unique(_common_members(different, len(hashes)), return_inverse=True)
    short = int(np.count_nonzero(~long))
    return Evidence(hashes, np.ascontiguousarray(different), asked, asks, short)


def _common_members(sets: NDArray[np.int32], members: int) -> NDArray[np.int64]:
    """Of each set the member that most sets have; a second time, of those that were taken."""
    counts = np.bincount(sets[sets != NONE], minlength=members)
    taken = np.empty(0, np.int64)
    for _ in range(2):
        best = np.argmax(np.where(sets != NONE, counts[sets], -1), axis=1)
        taken = sets[np.arange(len(sets)), best].astype(np.int64)
        counts = np.bincount(taken, minlength=members)
    return taken


def candidates(sketch: Sketch, evidence: Evidence) -> NDArray[np.int64]:
    """Rows of the documents that may hold some window, in order."""
    begin, end = np.zeros((2, len(evidence.hashes)), np.int64)
    asked = evidence.asked
    cells, begins, ends = cells_of(sketch, evidence.hashes[asked])
    is_there = ends > begins
    others = np.flatnonzero(_others(evidence.sets, evidence.asks, is_there, asked, len(begin)))
    more, low, high = cells_of(sketch, evidence.hashes[others])
    begin[asked], end[asked] = begins, ends
    begin[others], end[others] = low + len(cells), high + len(cells)
    looks = LOOKS_A_KEY * sketch.keys.total
    holding = _holding(
        np.r_[cells, more], sketch.cells, evidence.sets, evidence.asks, is_there, begin, end, looks
    )
    stop = np.cumsum(sketch.words)
    held = np.r_[0, np.cumsum(holding)]
    first, last = (stop - sketch.words) // CELL, np.maximum(stop - 1, 0) // CELL
    return np.flatnonzero((held[last + 1] > held[first]) & (sketch.words >= WINDOW))


@jit
def _sets(number, starts, counts):  # type: ignore[no-untyped-def]
    """The different numbers in each window of windows, in order: a row each, then ``NONE``."""
    sets = np.full((len(starts), max(1, counts.max() if len(counts) else 1)), NONE, np.int32)
    for window in range(len(starts)):
        size = 0
        for word in range(starts[window], starts[window] + counts[window]):
            place = size
            while place > 0 and sets[window, place - 1] > number[word]:
                place -= 1
            if place > 0 and sets[window, place - 1] == number[word]:
                continue
            for index in range(size, place, -1):
                sets[window, index] = sets[window, index - 1]
            sets[window, place] = number[word]
            size += 1
    return sets


@jit
def _others(sets, asks, is_there, asked, members):  # type: ignore[no-untyped-def]
    """Of each run whether it was not asked for and is of a set whose asked one is there."""
    wanted = np.zeros(members, np.bool_)
    for number in range(len(sets)):
        if is_there[asks[number]]:
            for index in range(sets.shape[1]):
                if sets[number, index] != NONE:
                    wanted[sets[number, index]] = True
    wanted[asked] = False
    return wanted


@jit
def _holding(cells, count, sets, asks, is_there, begins, ends, looks):  # type: ignore[no-untyped-def]
    """Of each cell whether it has all of some set; after so many ``looks`` the rarest run of a set
    stands for all of it."""
    holding = np.zeros(count, np.bool_)
    for number in range(len(sets)):
        if not is_there[asks[number]]:
            continue
        rarest = sets[number, 0]
        size = 0
        while size < sets.shape[1] and sets[number, size] != NONE:
            member = sets[number, size]
            if ends[member] - begins[member] < ends[rarest] - begins[rarest]:
                rarest = member
            size += 1
        for index in range(begins[rarest], ends[rarest]):
            cell = cells[index]
            if holding[cell]:
                continue
            has_all = True
            for other in range(size):
                member = sets[number, other]
                if not has_all or looks <= 0 or member == rarest:
                    continue
                low, high = begins[member], ends[member]
                while low < high:
                    middle = (low + high) // 2
                    looks -= 1
                    if cells[middle] < cell:
                        low = middle + 1
                    else:
                        high = middle
                has_all = low < ends[member] and cells[low] == cell
            holding[cell] = has_all
    return holding
