import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.decontamination.sketch_keys import encoded, within


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 60), st.integers(1, 2**40))
def test_numbers_are_found_in_their_intervals(data: st.DataObject, width: int, limit: int) -> None:
    numbers = st.integers(0, limit - 1)
    near = st.integers(0, min(limit - 1, 500))
    chosen = sorted(data.draw(st.sets(st.one_of(numbers, near), max_size=80)))
    keys = encoded(np.array(chosen, np.int64), limit)
    asked = data.draw(st.lists(st.one_of(numbers, near, st.sampled_from(chosen or [0]))))
    least = np.sort(np.array([number // width * width for number in asked], np.int64))
    offsets, begins, ends = within(keys, least, width)
    for low, begin, end in zip(least.tolist(), begins, ends, strict=True):
        expected = [number - low for number in chosen if low <= number < low + width]
        assert offsets[begin:end].tolist() == expected
