"""Mixtures that fill the simplex: more evenly than draws do, whatever the prior."""

import numpy as np

from midtrain_dagster.experiments.draws.method import Wanted
from midtrain_dagster.experiments.draws.methods.space_filling import Config


def draw(count: int, domains: int = 3, seed: int = 5) -> np.ndarray:
    wanted = Wanted(np.ones((count, domains), np.bool_), np.ones(domains), np.ones(domains), seed)
    return Config(draw="space_filling").shares(wanted)


def cells(shares: np.ndarray, parts: int = 8) -> np.ndarray:
    """How many mixtures lie in each of 64 cells of the simplex that are equally large: the first
    share has the distribution function 1 - (1 - x)², what the second has of the rest is uniform."""
    first = 1 - (1 - shares[:, 0]) ** 2
    rest = shares[:, 1] / np.maximum(1 - shares[:, 0], 1e-9)
    return np.histogram2d(first, rest, bins=parts, range=[[0, 1], [0, 1]])[0]


def test_they_are_uniform_on_the_simplex_and_more_even_than_draws() -> None:
    shares = draw(512)
    assert np.allclose(shares.mean(axis=0), 1 / 3, atol=0.01)
    random = np.random.default_rng(0).dirichlet(np.ones(3), 512)
    assert cells(shares).std() < 0.9 * cells(random).std()


def test_no_two_are_the_same_and_a_longer_sequence_begins_with_a_shorter_one() -> None:
    long, short = draw(64), draw(16)
    assert np.array_equal(long[:16], short)
    assert len(np.unique(long, axis=0)) == 64
