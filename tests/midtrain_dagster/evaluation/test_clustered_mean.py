import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.evaluation.clustered_mean import clustered_mean


@given(
    st.lists(
        st.tuples(st.floats(0, 50), st.integers(1, 20), st.integers(0, 4)), min_size=1, max_size=30
    )
)
def test_clustered_mean_is_the_ratio_of_sums_and_its_clustered_error(
    pieces: list[tuple[float, int, int]],
) -> None:
    sums, counts, cluster = (np.array(column) for column in zip(*pieces, strict=True))
    mean, stderr = clustered_mean(sums, counts, cluster)
    assert mean == pytest.approx(sums.sum() / counts.sum())
    names = sorted(set(cluster.tolist()))
    if len(names) < 2:
        assert stderr is None
        return
    squares = sum((sums - mean * counts)[cluster == name].sum() ** 2 for name in names)
    expected = (squares * len(names) / (len(names) - 1)) ** 0.5 / counts.sum()
    assert stderr == pytest.approx(expected, abs=1e-9)


def test_clustered_error_of_equal_clusters_is_the_standard_error_of_their_means() -> None:
    sums, counts = np.array([10.0, 12.0, 17.0]), np.array([5, 5, 5])
    mean, stderr = clustered_mean(sums, counts, np.arange(3))
    means = sums / 5
    assert mean == pytest.approx(means.mean())
    assert stderr == pytest.approx(means.std(ddof=1) / 3**0.5)


def test_clustered_mean_of_nothing_is_null() -> None:
    assert clustered_mean(np.array([]), np.array([]), np.array([])) == (None, None)
