"""RegMix's rules: flattened, of many strengths, bounded, floored."""

import numpy as np

from midtrain_dagster.experiments.draws.method import Wanted
from midtrain_dagster.experiments.draws.methods.regmix import Config

PRIOR = np.array([0.9, 0.08, 0.02])


def draw(count: int, **fields: float) -> np.ndarray:
    present = np.ones((count, 3), np.bool_)
    return Config(**fields).shares(Wanted(present, PRIOR, np.full(3, np.inf), seed=3))  # type: ignore[arg-type]


def test_no_share_exceeds_its_bound_and_none_lies_below_the_floor() -> None:
    shares = draw(400)
    assert (shares <= np.minimum(15 * PRIOR, 1) + 2e-4).all()
    assert shares[shares > 0].min() > 1.9e-4
    assert (shares == 0).any()


def test_the_mean_is_that_of_the_flattened_prior_where_nothing_bounds_it() -> None:
    shares = draw(3000, most=100.0)
    flattened = np.sqrt(PRIOR) / np.sqrt(PRIOR).sum()
    assert np.allclose(shares.mean(axis=0), flattened, atol=0.03)


def test_strengths_range_from_a_domain_alone_to_near_the_prior() -> None:
    weak, strong = (draw(300, weakest=s, strongest=s * 1.01, most=100.0) for s in (0.1, 100.0))
    assert (weak.max(axis=1) > 0.99).mean() > 0.7
    assert strong.std(axis=0).max() < 0.1
