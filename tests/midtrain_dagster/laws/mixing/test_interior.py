import numpy as np
import pytest

from midtrain_dagster.laws.mixing.interior import minimise


def test_quadratic_ends_where_its_conditions_hold() -> None:
    """The least |x - c|^2 on the simplex is c lowered by one number and cut at zero."""
    centre = np.array([0.8, 0.5, -0.4])
    found = minimise(
        lambda x: float(((x - centre) ** 2).sum()),
        lambda x: 2 * (x - centre),
        lambda x: 2 * np.eye(3),
        np.zeros(3),
        np.ones(3),
    )
    assert found == pytest.approx([0.65, 0.35, 0], abs=1e-4)


def test_variables_whose_bounds_meet_stay() -> None:
    slope = np.array([1.0, 2.0, 3.0])
    found = minimise(
        lambda x: float(slope @ x),
        lambda x: slope,
        lambda x: np.zeros((3, 3)),
        np.array([0.0, 0.2, 0.1]),
        np.array([1.0, 0.2, 1.0]),
    )
    assert found == pytest.approx([0.7, 0.2, 0.1], abs=1e-6)
