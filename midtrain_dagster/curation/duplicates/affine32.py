"""MinHash signatures by datasketch 2.0's scheme ``affine32``, and their bands.

The 32-bit hash of a shingle is mixed by MurmurHash3's finaliser, then permutation k is
``a_k * h + b_k mod 2^32`` with a_k odd, which is a bijection, so permuting adds no collisions. A
user of datasketch gets the very same signatures from::

    sketch = MinHash(num_perm=112, seed=1, scheme="affine32", hashfunc=shingle_hash)
    for shingle in shingles(text, 5):
        sketch.update(shingle)

Eight shingles are permuted at a time, so that the loop over permutations is bound by the vector
unit and not by memory; the last eight are filled up with the last shingle, because a repeated
element does not change a set's minimum.
"""

from functools import cache

import numpy as np

from midtrain_dagster.core.jit import inlined, jit

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_TOGETHER = 8


@cache
def permutations(count: int, seed: int) -> np.ndarray:
    """The parameters a and b of ``count`` permutations: uint32 of shape (2, count)."""
    generator = np.random.RandomState(seed)
    odd = generator.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return np.array([odd, generator.randint(0, 1 << 32, count, dtype=np.uint32)])


def minhash(offsets: np.ndarray, hashes: np.ndarray, count: int, seed: int) -> np.ndarray:
    """MinHash signatures of the documents' shingle hashes (the upper half of each).

    Document ``i`` has ``hashes[offsets[i]:offsets[i + 1]]`` (uint64). Returns uint32 of shape
    (documents, count); all bits are set where a document has no shingle.
    """
    multiplier, summand = permutations(count, seed)
    return _minhash(offsets, hashes, multiplier, summand)


def band_hashes(signatures: np.ndarray, bands: int, rows: int) -> np.ndarray:
    """One bucket for each band of ``rows`` minima: uint64 of shape (documents, bands)."""
    return _band_hashes(signatures, bands, rows)


@inlined
def _mixed(shingle):  # type: ignore[no-untyped-def]
    value = np.uint32(shingle >> np.uint64(32))
    value = np.uint32((value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    value = np.uint32((value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return np.uint32(value ^ (value >> np.uint32(16)))


@jit
def _minhash(offsets, hashes, multiplier, summand):  # type: ignore[no-untyped-def]
    signatures = np.full((offsets.size - 1, multiplier.size), 0xFFFFFFFF, np.uint32)
    mixed = np.empty(_TOGETHER, np.uint32)
    for document in range(offsets.size - 1):
        signature = signatures[document]
        last = offsets[document + 1] - 1
        for first in range(offsets[document], last + 1, _TOGETHER):
            for step in range(_TOGETHER):
                mixed[step] = _mixed(hashes[min(first + step, last)])
            for permutation in range(multiplier.size):
                least = signature[permutation]
                for step in range(_TOGETHER):
                    value = multiplier[permutation] * mixed[step] + summand[permutation]
                    least = min(least, np.uint32(value))
                signature[permutation] = least
    return signatures


@jit
def _band_hashes(signatures, bands, rows):  # type: ignore[no-untyped-def]
    hashes = np.empty((signatures.shape[0], bands), np.uint64)
    for document in range(signatures.shape[0]):
        for band in range(bands):
            state = np.uint64(band + 1)
            for row in range(band * rows, (band + 1) * rows):
                state = (state ^ np.uint64(signatures[document, row])) * _MULTIPLIER
                state = state ^ (state >> np.uint64(32))
            hashes[document, band] = state
    return hashes
