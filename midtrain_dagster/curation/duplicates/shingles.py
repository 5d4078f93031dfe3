"""Shingles: the runs of words by which near duplicates are known, their hash, their sets.

A shingle is a run of words (as `words` defines them) of the normalised text. Its byte form is the
words in UTF-8 joined by one space, and `shingle_hash` of those bytes is the hash that everything
here uses, so the same signatures can be made elsewhere from the words (see `affine32`). The
kernels never build that string: the hash is a polynomial over hashes of the words, which are read
eight bytes at a time.

Sets of shingles are compared by 64-bit hashes, of which `shingle_hash` is the upper half. Two
different shingles of a pair of documents share one with a probability of about shingles^2 / 2^65.
"""

from itertools import pairwise

import numpy as np
import polars as pl
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from midtrain_dagster.core.jit import inlined, jit
from midtrain_dagster.curation.text.normalisation import Normalised, normalise
from midtrain_dagster.curation.text.words import spans

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_FINALISER = np.uint64(0xFF51AFD7ED558CCD)
_ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)


def shingle_hash(shingle: bytes) -> int:
    """The 32-bit hash of a shingle in its byte form: what datasketch takes as ``hashfunc``."""
    multiplier, finaliser, bits = int(_MULTIPLIER), int(_FINALISER), int(_ALL_BITS)
    state = 0
    for word in shingle.split(b" "):
        code = len(word) * finaliser & bits
        for start in range(0, len(word), 8):
            block = int.from_bytes(word[start : start + 8], "little")
            code = (code ^ block) * multiplier & bits
            code ^= code >> 32
        state = (state * multiplier + code) & bits
    return ((state ^ state >> 33) * finaliser & bits) >> 32


def shingles(text: str, size: int) -> list[bytes]:
    """The shingles of ``size`` words of one text in their byte form, in order, with repeats."""
    normalised = normalise(pl.Series([text]))
    _, starts, stops = spans(normalised.classes, normalised.offsets)
    buffer = normalised.buffer.tobytes()
    words = [buffer[start:stop] for start, stop in zip(starts, stops, strict=True)]
    return [b" ".join(words[first : first + size]) for first in range(len(words) - size + 1)]


def shingle_hashes(texts: Normalised, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A 64-bit hash of every run of ``size`` words.

    Returns (offsets, hashes): document ``i`` has ``hashes[offsets[i]:offsets[i + 1]]`` (uint64), in
    the order of the text, repeated ones included. A document of fewer words has none.
    """
    offsets, starts, stops = spans(texts.classes, texts.offsets)
    return _shingle_hashes(texts.buffer, offsets, starts, stops, size)


def text_hashes(texts: Normalised) -> np.ndarray:
    """A 64-bit hash of each whole text."""
    return _text_hashes(texts.buffer, texts.offsets)


def same_texts(texts: Normalised, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether the texts ``a[i]`` and ``b[i]`` (document numbers) are the same bytes."""
    return _same_texts(texts.buffer, texts.offsets, a, b)


def jaccard(offsets: np.ndarray, hashes: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The Jaccard similarity of the shingle sets of documents ``a[i]`` and ``b[i]`` (float64).

    ``a`` and ``b`` are document numbers. 0 where neither document has a shingle.
    """
    ordered = hashes.copy()
    for start, stop in pairwise(offsets.tolist()):
        ordered[start:stop].sort()  # NumPy sorts with vectors, ten times faster than Numba
    return _jaccard(*_without_repeats(offsets, ordered), a, b)


@intrinsic
def _eight_bytes(typing, buffer, position):  # type: ignore[no-untyped-def]
    """The eight bytes at a position, aligned or not, as a little-endian uint64."""

    def load(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        start = builder.gep(array.data, [arguments[1]])
        value = builder.load(builder.bitcast(start, ir.IntType(64).as_pointer()))
        value.align = 1
        return value

    return types.uint64(buffer, types.int64), load


@inlined
def _hash(buffer, start, stop):  # type: ignore[no-untyped-def]
    """Of one or more bytes; the buffer goes on for eight bytes after the last."""
    state = np.uint64(stop - start) * _FINALISER
    while stop - start > 8:
        state = (state ^ _eight_bytes(buffer, start)) * _MULTIPLIER
        state ^= state >> np.uint64(32)
        start += 8
    mask = _ALL_BITS >> np.uint64(64 - 8 * (stop - start))
    state = (state ^ (_eight_bytes(buffer, start) & mask)) * _MULTIPLIER
    return state ^ (state >> np.uint64(32))


@jit
def _shingle_hashes(buffer, words, starts, stops, size):  # type: ignore[no-untyped-def]
    codes = np.empty(starts.size, np.uint64)
    for word in range(starts.size):
        codes[word] = _hash(buffer, starts[word], stops[word])
    offsets = np.zeros(words.size, np.int64)
    for document in range(words.size - 1):
        shingles = max(words[document + 1] - words[document] - size + 1, 0)
        offsets[document + 1] = offsets[document] + shingles
    hashes = np.empty(offsets[-1], np.uint64)
    for document in range(words.size - 1):
        for index in range(offsets[document + 1] - offsets[document]):
            first = words[document] + index
            state = np.uint64(0)
            for word in range(first, first + size):
                state = state * _MULTIPLIER + codes[word]
            hashes[offsets[document] + index] = (state ^ (state >> np.uint64(33))) * _FINALISER
    return offsets, hashes


@jit
def _text_hashes(buffer, offsets):  # type: ignore[no-untyped-def]
    hashes = np.zeros(offsets.size - 1, np.uint64)
    for document in range(hashes.size):
        if offsets[document] < offsets[document + 1]:
            state = _hash(buffer, offsets[document], offsets[document + 1])
            state = (state ^ (state >> np.uint64(33))) * _FINALISER
            hashes[document] = state ^ (state >> np.uint64(33))
    return hashes


@jit
def _same_texts(buffer, offsets, a, b):  # type: ignore[no-untyped-def]
    same = np.zeros(a.size, np.bool_)
    for pair in range(a.size):
        left, right = offsets[a[pair]], offsets[b[pair]]
        length = offsets[a[pair] + 1] - left
        if length == offsets[b[pair] + 1] - right:
            position = 0
            while position < length and buffer[left + position] == buffer[right + position]:
                position += 1
            same[pair] = position == length
    return same


@jit
def _without_repeats(offsets, ordered):  # type: ignore[no-untyped-def]
    """Each document's sorted hashes once each, and the new offsets."""
    sets = np.empty(ordered.size, np.uint64)
    starts = np.zeros(offsets.size, np.int64)
    found = 0
    for document in range(offsets.size - 1):
        for index in range(offsets[document], offsets[document + 1]):
            if index == offsets[document] or ordered[index] != ordered[index - 1]:
                sets[found] = ordered[index]
                found += 1
        starts[document + 1] = found
    return starts, sets[:found]


@jit
def _jaccard(offsets, sets, a, b):  # type: ignore[no-untyped-def]
    similarity = np.zeros(a.size, np.float64)
    for pair in range(a.size):
        left, left_stop = offsets[a[pair]], offsets[a[pair] + 1]
        right, right_stop = offsets[b[pair]], offsets[b[pair] + 1]
        either = left_stop - left + right_stop - right
        both = 0
        while left < left_stop and right < right_stop:
            if sets[left] == sets[right]:
                both += 1
                left += 1
                right += 1
            elif sets[left] < sets[right]:
                left += 1
            else:
                right += 1
        if either:
            similarity[pair] = both / (either - both)
    return similarity
