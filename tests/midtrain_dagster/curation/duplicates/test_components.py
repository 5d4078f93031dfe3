import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.curation.duplicates.components import bucket_pairs, components, packed

EDGES = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=15)


def naive_components(nodes: int, edges: list[tuple[int, int]]) -> list[int]:
    """Lower the name of every node to its neighbours' until nothing changes."""
    names = list(range(nodes))
    changed = True
    while changed:
        changed = False
        for a, b in edges:
            if names[a] != names[b]:
                names[a] = names[b] = min(names[a], names[b])
                changed = True
    return names


@settings(max_examples=75, deadline=None)
@given(EDGES)
def test_components_as_found_by_relabelling(edges: list[tuple[int, int]]) -> None:
    a, b = np.array(edges, np.int64).reshape(-1, 2).T
    assert components(12, a, b).tolist() == naive_components(12, edges)


def test_a_long_chain_is_one_component() -> None:
    nodes = np.arange(100_000)
    assert not components(100_000, nodes[1:], nodes[:-1]).any()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=20), st.integers(2, 20))
def test_small_buckets_give_every_pair(buckets: list[int], limit: int) -> None:
    ordered = sorted(buckets)
    members = np.arange(len(ordered))
    a, b = bucket_pairs(np.array(ordered, np.uint64), members, limit)
    found = set(zip(a.tolist(), b.tolist(), strict=True))
    assert len(found) == len(a)
    for left in range(len(ordered)):
        for right in range(left + 1, len(ordered)):
            if ordered[left] != ordered[right]:
                assert (left, right) not in found
            elif ordered.count(ordered[left]) <= limit or right - left <= limit // 2:
                assert (left, right) in found
            else:
                assert (left, right) not in found


@settings(max_examples=75, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(6, 11)), max_size=15),
    st.lists(st.integers(0, 9), min_size=12, max_size=12),
    st.integers(1, 40),
)
def test_batches_are_as_long_as_the_limit_allows(
    edges: list[tuple[int, int]], sizes: list[int], limit: int
) -> None:
    def weight(pairs: list[tuple[int, int]]) -> int:
        return sum(sizes[node] for node in {*sum(pairs, ())}) + 2 * len(pairs)

    expected: list[int] = []
    current: list[tuple[int, int]] = []
    for edge in edges:
        full = bool(current) and weight([*current, edge]) > limit
        current = [edge] if full else [*current, edge]
        expected.append(expected[-1] + full if expected else 0)
    a, b = np.array(edges, np.int64).reshape(-1, 2).T
    assert packed(a, b, np.array(sizes), limit, 2).tolist() == expected
