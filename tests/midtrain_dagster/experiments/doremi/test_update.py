import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.experiments.doremi.update import updated


def test_weights_after_a_step_are_those_of_the_published_rule() -> None:
    """Algorithm 1 of arXiv 2305.10429, by hand: exp(1 * ln 3) = 3 and exp(0) = 1 times 1/2 each are
    3/4 and 1/4 of their sum; smoothed by 0.1, 0.9 * 3/4 + 0.1 / 2 = 0.725."""
    found = updated(np.array([0.5, 0.5]), np.array([np.log(3), 0.0]), step_size=1.0, smoothing=0.1)
    assert found == pytest.approx([0.725, 0.275], abs=1e-12)


def test_weights_of_two_steps_build_on_each_other() -> None:
    """Without smoothing the excesses add up: exp(2 * ln 2 * (1 + 1)) = 16 to 1 to 1."""
    weights = np.full(3, 1 / 3)
    for _ in range(2):
        weights = updated(weights, np.array([np.log(2), 0, 0]), step_size=2.0, smoothing=0.0)
    assert weights == pytest.approx([16 / 18, 1 / 18, 1 / 18], abs=1e-12)


@given(
    st.lists(st.tuples(st.floats(0.01, 1), st.floats(0, 800)), min_size=2, max_size=9),
    st.floats(0.01, 5),
    st.floats(1e-4, 0.5),
)
def test_weights_sum_to_one_and_none_vanishes(
    domains: list[tuple[float, float]], step_size: float, smoothing: float
) -> None:
    """However large an excess is; and a larger excess never lowers a weight below another's that
    was the same."""
    weights, excess = np.array(domains).T
    found = updated(weights / weights.sum(), excess, step_size=step_size, smoothing=smoothing)
    assert found.sum() == pytest.approx(1)
    assert found.min() >= smoothing / len(found) * (1 - 1e-9)
    alike = updated(
        np.full(len(excess), 1 / len(excess)), excess, step_size=step_size, smoothing=smoothing
    )
    assert (np.diff(alike[np.argsort(excess)]) >= -1e-12).all()
