"""Packs documents into windows, best-fit, and orders windows anew in each epoch, without state.

A document longer than the window is cut into consecutive pieces of the window's length; what is
left over, and every shorter document, is a piece too. Pieces go, longest first, each into the
window with the least room that still holds it (best-fit decreasing; Ding et al. 2024, Fewer
Truncations Improve Language Modeling, section 3): nothing else is ever cut, and what does not fill
is padding. Greedy concatenation would pad nothing, and cut documents all the time.

Best-fit decreasing looks at nothing but the sorted lengths, so the shape of the packing is computed
once and holds for every epoch. An epoch is two permutations: which of the pieces of equal length
stands where, and which window comes when. Every epoch has thus the same number of windows, and any
window of any epoch is found at once. The price: pieces of a rare length always meet partners of the
same lengths, which attention within documents never sees.
"""

from collections.abc import Callable
from functools import cache

import numpy as np


def permutation(length: int, key: int) -> np.ndarray:
    """A permutation of ``range(length)`` (int64) that depends on the key alone (``draws.key``).

    Numbers are sorted by their place in the SplitMix64 stream that starts at the key (Steele et al.
    2014, figure 11). NumPy's own shuffles may change between its versions; this cannot. Within a
    stream no two values are equal, so there are no ties to break.
    """
    return np.argsort(_stream(length, key))


def uniforms(length: int, key: int) -> np.ndarray:
    """Numbers in [0, 1) (float64) of the same stream."""
    return uniforms_at(np.arange(length), key)


def uniforms_at(places: np.ndarray, key: int) -> np.ndarray:
    """Those of the numbers of the stream that stand at ``places`` (from 0), in their shape."""
    return (_values(places, key) >> np.uint64(11)) / float(1 << 53)


def _stream(length: int, key: int) -> np.ndarray:
    return _values(np.arange(length), key)


def _values(places: np.ndarray, key: int) -> np.ndarray:
    state = (places.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    state += np.uint64(key)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def cut(lengths: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut documents into pieces of at most ``window`` tokens.

    Returns, one entry a piece, its document (a place in ``lengths``), its first token and its
    length, in the order of documents and of their text. Documents without tokens have no piece.
    """
    pieces = -(-lengths // window)
    document = np.repeat(np.arange(len(lengths)), pieces)
    first = np.repeat(np.cumsum(pieces) - pieces, pieces)
    start = (np.arange(len(document)) - first) * window
    return document, start, np.minimum(lengths[document] - start, window)


def best_fit(descending: np.ndarray, window: int) -> np.ndarray:
    """Pack pieces of the given lengths (int64, descending, 1 to ``window``) into windows.

    Returns the window of each piece; windows are numbered in the order of their first piece. Among
    windows with the same room, the one that got it last is taken. Time grows with the pieces times
    the logarithm of the window.
    """
    placed = np.empty(len(descending), np.int64)
    _compiled()(descending, window, placed)
    return placed


@cache
def _compiled() -> Callable[..., None]:
    from midtrain_dagster.core.jit import jit

    return jit(_best_fit)


def _best_fit(descending: np.ndarray, window: int, placed: np.ndarray) -> None:
    # A binary tree over the room left, 0 to window: a node is set while some window below it has
    # that much. The windows of a leaf are a linked list, the one that came last first.
    leaves = 1
    while leaves <= window:
        leaves *= 2
    occupied = np.zeros(2 * leaves, np.bool_)
    last = np.full(leaves, -1, np.int64)
    earlier = np.empty(len(descending), np.int64)
    windows = 0
    for piece in range(len(descending)):
        length = descending[piece]
        node = leaves + length
        if not occupied[node]:
            # Up until a sibling to the right is set, then down to its leftmost leaf.
            while node > 1 and (node % 2 == 1 or not occupied[node + 1]):
                node //= 2
            if node > 1:
                node += 1
                while node < leaves:
                    node *= 2
                    if not occupied[node]:
                        node += 1
        if node > 1:
            room = node - leaves
            target = last[room]
            last[room] = earlier[target]
            if last[room] < 0:
                occupied[node] = False
                node //= 2
                while node >= 1 and not (occupied[2 * node] or occupied[2 * node + 1]):
                    occupied[node] = False
                    node //= 2
        else:
            room, target = window, windows
            windows += 1
        placed[piece] = target
        room -= length
        earlier[target] = last[room]
        last[room] = target
        node = leaves + room
        while node >= 1 and not occupied[node]:
            occupied[node] = True
            node //= 2
