"""olmix's rules: around the prior, within what the target run may repeat."""

import numpy as np

from midtrain_dagster.experiments.draws.method import Wanted
from midtrain_dagster.experiments.draws.methods.olmix import Config

PRIOR = np.array([0.7, 0.2, 0.1])


def draw(count: int, once: np.ndarray, **fields: float) -> np.ndarray:
    rule = Config.model_validate({"draw": "olmix", **fields})
    return rule.shares(Wanted(np.ones((count, 3), np.bool_), PRIOR, once, seed=3))


def test_no_domain_is_read_more_often_than_may_be() -> None:
    once = np.array([1.0, 0.1, 0.02])
    shares = draw(300, once)
    assert (shares <= 5 * once).all()
    assert shares[:, 1].max() > 0.3


def test_what_is_small_is_left_out_and_the_mean_is_the_prior() -> None:
    shares = draw(3000, np.full(3, np.inf))
    assert shares[shares > 0].min() > 1.9e-3
    assert np.allclose(shares.mean(axis=0), PRIOR, atol=0.03)
