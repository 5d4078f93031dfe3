import numpy as np
import pytest

from midtrain_dagster.laws.mixing.held_out import errors
from midtrain_dagster.laws.mixing.method import TooFewProxiesError
from midtrain_dagster.laws.mixing.methods.regmix import Config
from tests.laws_at_hand import mixtures

LAW = Config(law="regmix")


def losses(shares: np.ndarray) -> np.ndarray:
    return (
        3 - np.log(shares[:, 0] + 0.01) / 4 + np.random.default_rng(1).normal(0, 0.01, len(shares))
    )


def test_trees_order_mixtures_that_they_have_not_seen() -> None:
    shares = mixtures(300, 3)
    measured = losses(shares)
    fitted = LAW.fit(shares[:200], measured[:200])
    found = errors(measured[200:], fitted.predict(shares[200:]))
    assert found.spearman is not None and found.spearman > 0.95
    assert fitted.trees > 10


def test_fit_depends_on_its_arguments_alone() -> None:
    shares = mixtures(100, 3)
    measured = losses(shares)
    first, same = (LAW.fit(shares, measured, seed=3).predict(shares) for _ in range(2))
    np.testing.assert_array_equal(first, same)


def test_stopping_looks_at_no_row_beyond_those_that_are_fitted() -> None:
    """What is predicted could not be told apart: it is the tenth that the seed draws, of the
    training rows, so another seed stops elsewhere."""
    shares = mixtures(200, 3)
    measured = losses(shares)
    trees = {LAW.fit(shares, measured, seed=seed).trees for seed in range(4)}
    assert len(trees) > 1


def test_too_few_proxies_to_divide_are_refused() -> None:
    with pytest.raises(TooFewProxiesError, match="train at least 45"):
        LAW.fit(mixtures(44, 3), np.ones(44))
