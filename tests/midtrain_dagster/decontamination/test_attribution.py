import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.decontamination.attribution import best_of_spans

OCCURRENCE = st.tuples(
    st.integers(0, 1),  # group
    st.integers(0, 12),  # first word
    st.integers(1, 6),  # words
    st.sampled_from([0.7, 0.8, 1.0]),
    st.integers(1, 3),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(OCCURRENCE, max_size=8))
def test_the_best_take_their_words_first(occurrences: list[tuple]) -> None:
    taken: dict[int, set[int]] = {0: set(), 1: set()}
    expected = [False] * len(occurrences)
    order = sorted(
        range(len(occurrences)), key=lambda i: (-occurrences[i][3], -occurrences[i][4], i)
    )
    order.sort(
        key=lambda i: (
            -occurrences[i][3],
            -occurrences[i][4],
            occurrences[i][1],
            occurrences[i][1] + occurrences[i][2],
        )
    )
    verdicts: dict[tuple, bool] = {}
    for index in order:
        group, first, size, *_ = occurrences[index]
        span = set(range(first, first + size))
        if occurrences[index] not in verdicts:
            stands = 2 * len(span & taken[group]) <= size
            verdicts[occurrences[index]] = stands
            taken[group] |= span if stands else set()
        expected[index] = verdicts[occurrences[index]]
    columns = list(zip(*occurrences, strict=True)) or [()] * 5
    group, first, size = (np.array(each, np.int64) for each in columns[:3])
    ratio, common = np.array(columns[3], np.float64), np.array(columns[4], np.int64)
    assert best_of_spans(group, first, first + size - 1, ratio, common).tolist() == expected
