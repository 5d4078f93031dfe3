"""Elias and Fano's code of sorted numbers: how they are packed, and found where they lie.

Of a number ``k`` the low bits stand as they are, and the high ones, ``k >> low_bits``, by their
differences in unary: for each value in turn a 1 for each number that has it, then a 0 (Vigna,
"Quasi-succinct indices", WSDM 2013, section 3). Where the numbers of some high bits begin is the
place of a 0, which is counted a word of 64 bits at a time; what is looked up is in order, so the
count goes through the bits once.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.core.jit import inlined, jit


class Keys(NamedTuple):
    """Sorted numbers, each once."""

    high: NDArray[np.uint64]
    low: NDArray[np.uint64]
    """The low bits of each, one after another, and a word more."""
    low_bits: int
    total: int


def encoded(keys: NDArray[np.int64], limit: int) -> Keys:
    """Sorted, distinct numbers below ``limit``: about ``2 + log2(limit / numbers)`` bits each."""
    low_bits = max(1, (limit // max(1, len(keys))).bit_length() - 1)
    high = np.zeros((len(keys) + (limit >> low_bits) + 1) // 64 + 1, np.uint64)
    low = np.zeros(len(keys) * low_bits // 64 + 2, np.uint64)
    _encode(keys, low_bits, high, low)
    return Keys(high, low, low_bits, len(keys))


def within(
    keys: Keys, least: NDArray[np.int64], width: int
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """The numbers in each of the intervals of ``width`` from ``least`` on (sorted, as far apart or
    the same): (offsets, begins, ends). Those of an interval, less its least, are
    ``offsets[begins:ends]``, in order."""
    return _find(keys.high, keys.low, keys.low_bits, keys.total, width, least)


@jit
def _encode(keys, low_bits, high, low):  # type: ignore[no-untyped-def]
    mask = (np.int64(1) << low_bits) - 1
    for index in range(len(keys)):
        at = (keys[index] >> low_bits) + index
        high[at >> 6] |= np.uint64(1) << np.uint64(at & 63)
        value = np.uint64(keys[index] & mask)
        at = index * low_bits
        shift = np.uint64(at & 63)
        low[at >> 6] |= value << shift
        if (at & 63) + low_bits > 64:
            low[(at >> 6) + 1] |= value >> (np.uint64(64) - shift)


@inlined
def _ones(word):  # type: ignore[no-untyped-def]
    """How many bits are set."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    pairs = np.uint64(0x3333333333333333)
    word = (word & pairs) + ((word >> np.uint64(2)) & pairs)
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@inlined
def _low_of(low, low_bits, index):  # type: ignore[no-untyped-def]
    at = index * low_bits
    shift = np.uint64(at & 63)
    value = low[at >> 6] >> shift
    if (at & 63) + low_bits > 64:
        value |= low[(at >> 6) + 1] << (np.uint64(64) - shift)
    return np.int64(value & ((np.uint64(1) << np.uint64(low_bits)) - np.uint64(1)))


@jit
def _find(high, low, low_bits, keys, width, leasts):  # type: ignore[no-untyped-def]
    found = np.empty(keys, np.int32)
    begins = np.zeros(len(leasts), np.int64)
    ends = np.zeros(len(leasts), np.int64)
    count = 0
    word = 0
    before = np.int64(0)  # zeros in the words before
    zeros = 64 - _ones(high[0])
    for index in range(len(leasts)):
        if index and leasts[index] == leasts[index - 1]:
            begins[index], ends[index] = begins[index - 1], ends[index - 1]
            continue
        begins[index] = count
        least = leasts[index]
        value = least >> low_bits
        place = np.int64(0)  # of the first bit after as many zeros as the value is
        if value:
            while before + zeros < value:
                before += zeros
                word += 1
                zeros = 64 - _ones(high[word])
            rest = ~high[word]
            for _ in range(value - before - 1):
                rest &= rest - np.uint64(1)
            place = 64 * word + _ones((rest & (~rest + np.uint64(1))) - np.uint64(1)) + 1
        key = place - value
        while key < keys and value << low_bits < least + width:
            if high[place >> 6] >> np.uint64(place & 63) & np.uint64(1):
                offset = (value << low_bits | _low_of(low, low_bits, key)) - least
                if offset >= width:
                    break
                if offset >= 0:
                    found[count] = offset
                    count += 1
                key += 1
            else:
                value += 1
            place += 1
        ends[index] = count
    return found[:count], begins, ends
