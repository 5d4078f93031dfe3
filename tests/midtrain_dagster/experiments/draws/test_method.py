"""What all rules of drawing share: mixtures lie on the simplex, each by itself."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from midtrain_dagster.experiments.draws.config import DrawRule
from midtrain_dagster.experiments.draws.method import DrawError, Wanted, floored, rounded

RULES = TypeAdapter(DrawRule)
NAMES = ("regmix", "olmix", "space_filling")
PRIOR = np.array([100.0, 40.0, 10.0, 5.0])


def wanted(present: Any, prior: Any = PRIOR, once: Any = None, **fields: Any) -> Wanted:
    """Mixtures to draw; no target run bounds them unless it is said."""
    prior = np.asarray(prior, np.float64)
    bound = np.full(len(prior), np.inf) if once is None else np.asarray(once, np.float64)
    return Wanted(np.asarray(present, np.bool_), prior, bound, **{"seed": 1} | fields)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_mixtures_lie_on_the_simplex_of_what_is_present(name: str, data: st.DataObject) -> None:
    row = st.lists(st.booleans(), min_size=4, max_size=4).filter(any)
    present = np.array(data.draw(st.lists(row, min_size=1, max_size=5)))
    seed = data.draw(st.integers(0, 2**40))
    shares = RULES.validate_python(name).shares(wanted(present, seed=seed))
    assert shares.shape == present.shape
    assert (shares >= 0).all() and np.allclose(shares.sum(axis=1), 1)
    assert not shares[~present].any()


@pytest.mark.parametrize("name", NAMES)
def test_a_mixture_does_not_depend_on_others_nor_on_domains_that_it_lacks(name: str) -> None:
    rule = RULES.validate_python(name)
    present = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0]], np.bool_)
    shares = rule.shares(wanted(present))
    assert np.array_equal(rule.shares(wanted(present[1:], first=1)), shares[1:])
    fewer = rule.shares(wanted(present[:, :3], PRIOR[:3]))
    assert np.array_equal(fewer, shares[:, :3])
    changed = rule.shares(wanted(present, [100.0, 40.0, 10.0, 999.0]))
    assert np.array_equal(changed, shares)


@pytest.mark.parametrize("name", NAMES)
def test_mixtures_are_the_same_for_the_same_seed_and_differ_for_another(name: str) -> None:
    rule, present = RULES.validate_python(name), np.ones((4, 4), np.bool_)
    one, same, other = (rule.shares(wanted(present, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_bounds_that_no_mixture_meets_are_told() -> None:
    rule = RULES.validate_python({"draw": "olmix", "most_epochs": 1})
    short = wanted(np.ones((1, 2)), [1.0, 1.0], once=[0.2, 0.2])
    with pytest.raises(DrawError, match="mixture 0: none of 10,000 candidates over 2 domains"):
        rule.shares(short)


def test_shares_are_rounded_and_floored_to_sums_of_one() -> None:
    assert rounded(np.array([[1.0, 1.0, 1.0]])).tolist() == [[0.333334, 0.333333, 0.333333]]
    assert floored(np.array([0.0001, 0.2999, 0.7]), 0.1).tolist() == pytest.approx([0, 0.3, 0.7])
    assert not floored(np.array([0.3, 0.3]), 0.4).any()
