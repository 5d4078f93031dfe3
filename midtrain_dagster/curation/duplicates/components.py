"""Connected components, pairs inside buckets, pairs into batches: deduplication's graph kernels."""

import numpy as np

from midtrain_dagster.core.jit import inlined, jit


def components(nodes: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The component of each of ``nodes`` numbered nodes under the edges ``a[i]`` - ``b[i]``.

    A component is named by its smallest node. Union-find with path halving (Tarjan and van Leeuwen
    1984). int64 of length ``nodes``.
    """
    return _components(nodes, a, b)


def bucket_pairs(
    buckets: np.ndarray, members: np.ndarray, limit: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of members that share a bucket; equal values of ``buckets`` must stand together.

    A bucket of up to ``limit`` members gives every pair. In a larger one each member is paired with
    the ``limit // 2`` that follow it, so pairs grow with the members and not with their square.
    Returns two arrays of the type of ``members``, with repeats if a pair shares several buckets.
    """
    return _bucket_pairs(buckets, members, limit)


def packed(
    a: np.ndarray, b: np.ndarray, sizes: np.ndarray, limit: int, pair_size: int
) -> np.ndarray:
    """The batch of each pair ``a[i]`` - ``b[i]`` of two numbered nodes, taken in order.

    A batch weighs the ``sizes`` (int64) of its nodes, each counted once, and ``pair_size`` a pair;
    it ends before the pair that would make it heavier than ``limit``. int64, ascending from 0.
    """
    return _packed(a, b, sizes, limit, pair_size)


@jit
def _components(nodes, a, b):  # type: ignore[no-untyped-def]
    parent = np.arange(nodes)
    for edge in range(a.size):
        left, right = a[edge], b[edge]
        while parent[left] != left:
            parent[left] = parent[parent[left]]
            left = parent[left]
        while parent[right] != right:
            parent[right] = parent[parent[right]]
            right = parent[right]
        parent[max(left, right)] = min(left, right)
    for node in range(nodes):  # a parent is never larger than its child
        parent[node] = parent[parent[node]]
    return parent


@inlined
def _reach(size, limit):  # type: ignore[no-untyped-def]
    return size if size <= limit else max(limit // 2, 1)


@jit
def _bucket_pairs(buckets, members, limit):  # type: ignore[no-untyped-def]
    a = np.empty(0, members.dtype)
    b = np.empty(0, members.dtype)
    for counting in (True, False):
        found = 0
        start = 0
        while start < buckets.size:
            stop = start + 1
            while stop < buckets.size and buckets[stop] == buckets[start]:
                stop += 1
            reach = _reach(stop - start, limit)
            for left in range(start, stop):
                for right in range(left + 1, min(left + 1 + reach, stop)):
                    if not counting:
                        a[found] = members[left]
                        b[found] = members[right]
                    found += 1
            start = stop
        if counting:
            a = np.empty(found, members.dtype)
            b = np.empty(found, members.dtype)
    return a, b


@jit
def _packed(a, b, sizes, limit, pair_size):  # type: ignore[no-untyped-def]
    batches = np.empty(a.size, np.int64)
    batch_of = np.full(sizes.size, -1, np.int64)
    batch = 0
    weight = 0
    for pair in range(a.size):
        left, right = a[pair], b[pair]
        new = pair_size
        new += sizes[left] if batch_of[left] != batch else 0
        new += sizes[right] if batch_of[right] != batch else 0
        if weight and weight + new > limit:
            batch += 1
            weight, new = 0, pair_size + sizes[left] + sizes[right]
        batches[pair] = batch
        batch_of[left] = batch
        batch_of[right] = batch
        weight += new
    return batches
