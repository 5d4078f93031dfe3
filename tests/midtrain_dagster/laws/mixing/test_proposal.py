"""Proposals against every mixture of a fine grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtrain_dagster.laws.mixing.constraints import Constraints, allowed_mixtures
from midtrain_dagster.laws.mixing.methods import bimix, regmix
from midtrain_dagster.laws.mixing.methods.bimix import BiMix
from midtrain_dagster.laws.mixing.methods.log_linear import LogLinear
from midtrain_dagster.laws.mixing.methods.mixing_law import MixingLaw
from midtrain_dagster.laws.mixing.proposal import Objective, divergence, propose
from tests.laws_at_hand import mixtures

STEPS = 100
_FIRST, _SECOND = np.meshgrid(np.arange(STEPS + 1), np.arange(STEPS + 1))
GRID = np.stack([_FIRST, _SECOND, STEPS - _FIRST - _SECOND], axis=-1).reshape(-1, 3) / STEPS
GRID = GRID[GRID[:, 2] >= 0]


def constraints(**bounds: dict[str, float]) -> Constraints:
    every = {"floors": {}, "ceilings": {}, "caps": {}, "frozen": {}} | bounds
    return allowed_mixtures(("a", "b", "c"), **every)


def on_grid(allowed: Constraints) -> np.ndarray:
    kept = (allowed.lower - 1e-9 <= GRID) & (allowed.upper + 1e-9 >= GRID)
    return GRID[kept.all(axis=1)]


def laws(draw: np.random.Generator, count: int) -> list:
    log_linear = [LogLinear(0.0, draw.normal(0, 2, 3), True) for _ in range(count)]
    powers = BiMix(draw.uniform(0.1, 1, 3), draw.uniform(0.05, 0.5, 3), 0.01, True)
    return [*log_linear, powers]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.001, 0.05, 1.0]))
def test_proposal_is_exact_and_no_mixture_of_a_grid_is_better(seed: int, weight: float) -> None:
    draw = np.random.default_rng(seed)
    allowed = constraints(
        floors={"a": draw.uniform(0, 0.2)},
        ceilings={"b": draw.uniform(0.4, 1)},
        caps={"c": draw.uniform(0.4, 2)},
    )
    fitted = laws(draw, 3)
    objective = Objective(fitted, draw.uniform(0.1, 2, 4), draw.dirichlet(np.ones(3)), weight)
    found = propose(objective, allowed, seed=0)
    assert found.way == "exact" and found.gap is not None
    assert found.shares.sum() == pytest.approx(1)
    assert (found.shares >= allowed.lower - 1e-9).all()
    assert (found.shares <= allowed.upper + 1e-9).all()
    least = objective.value(found.shares[None])[0]
    assert least <= objective.value(on_grid(allowed)).min() + found.gap + 1e-9


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10_000))
def test_descents_find_the_best_of_a_law_that_is_not_convex(seed: int) -> None:
    draw = np.random.default_rng(seed)
    fitted = [MixingLaw(3.0, -1, draw.normal(0, 1, 3), True)]
    objective = Objective(fitted, np.ones(1), np.full(3, 1 / 3), 0.01)
    allowed = constraints(ceilings={"a": 0.7})
    found = propose(objective, allowed, seed=0)
    assert (found.way, found.gap) == ("descent", None)
    least = objective.value(found.shares[None])[0]
    assert least <= objective.value(on_grid(allowed)).min() + 1e-6


def test_simulated_proposal_keeps_to_its_constraints_and_is_near_the_best() -> None:
    shares = mixtures(300, 3)
    losses = 2 + (shares[:, 0] - 0.6) ** 2 + (shares[:, 1] - 0.3) ** 2
    fitted = regmix.Config(law="regmix").fit(shares, losses)
    objective = Objective([fitted], np.ones(1), np.full(3, 1 / 3), 0.0)
    found = propose(objective, constraints(caps={"a": 0.4}, floors={"c": 0.2}), seed=0)
    assert (found.way, found.gap) == ("simulation", None)
    assert found.shares.sum() == pytest.approx(1)
    assert found.shares[0] <= 0.4 + 1e-9 and found.shares[2] >= 0.2 - 1e-9
    assert found.shares == pytest.approx([0.4, 0.3, 0.3], abs=0.1)


def test_frozen_domains_keep_their_proportions_at_the_optimum() -> None:
    draw = np.random.default_rng(3)
    objective = Objective(laws(draw, 2), np.ones(3), np.full(3, 1 / 3), 0.01)
    allowed = constraints(frozen={"a": 2, "c": 1})
    found = propose(objective, allowed, seed=0)
    assert found.way == "exact" and found.shares[0] == pytest.approx(2 * found.shares[2])
    line = np.linspace(0, 1, 1001)[:, None]
    rival = objective.value(allowed.full(np.hstack([line, 1 - line]))).min()
    assert objective.value(found.shares[None])[0] <= rival + 1e-7


def test_one_mixture_is_proposed_where_one_is_allowed() -> None:
    draw = np.random.default_rng(3)
    objective = Objective(laws(draw, 2), np.ones(3), np.full(3, 1 / 3), 0.0)
    allowed = constraints(floors={"a": 0.2, "b": 0.3, "c": 0.5})
    assert propose(objective, allowed, seed=0).shares == pytest.approx([0.2, 0.3, 0.5])


def test_divergence_is_the_relative_entropy() -> None:
    prior = np.array([0.5, 0.5])
    found = divergence(np.array([[0.5, 0.5], [1.0, 0.0]]), prior)
    assert found == pytest.approx([0, np.log(2)])


def test_fitted_power_law_is_proposed_from() -> None:
    shares = mixtures(60, 3)
    truth = BiMix(np.array([1.0, 1.0, 1.0]), np.array([0.5, 0.1, 0.01]), 0.01, True)
    fitted = bimix.Config(law="bimix").fit(shares, truth.predict(shares))
    objective = Objective([fitted], np.ones(1), np.full(3, 1 / 3), 0.0)
    found = propose(objective, constraints(), seed=0)
    best = GRID[truth.predict(GRID).argmin()]
    assert found.shares == pytest.approx(best, abs=0.05)
