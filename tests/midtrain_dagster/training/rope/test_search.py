"""The evolutionary search: its space, its seed, and that it finds what is to be found."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.training.rope.search import Factors, searched, starts
from midtrain_dagster.training.rope.search_settings import Search
from tests.midtrain_dagster.training.rope.rotations import BASE, HALF, HEAD, WINDOW, plain, yarn

SMALL = Search(population=8, iterations=4, mutations=6, crossovers=4, parents=4)
WHERE = {"base": BASE, "size": HEAD, "original": WINDOW}


class Distance:
    """How far factors are from those to be found; and how often it was asked."""

    def __init__(self, target: np.ndarray) -> None:
        self.target, self.asked = target, 0

    def __call__(self, factors: Factors) -> float:
        self.asked += 1
        return float(np.abs(np.log(factors) - np.log(self.target)).sum())


def test_it_begins_with_those_of_pi_ntk_and_yarn() -> None:
    pi, ntk, of_yarn = starts(HALF, base=BASE, factor=4, original=WINDOW)
    assert set(pi) == {4.0}
    # base * 4^(32/30): the highest frequency is kept, the lowest divided by 4.
    np.testing.assert_allclose(ntk, plain() / plain(BASE * 4 ** (32 / 30)), atol=0.005001)
    assert (ntk[0], ntk[-1]) == (1.0, 4.0)
    np.testing.assert_allclose(of_yarn, plain() / yarn(4), atol=0.005001)


@given(factor=st.floats(1.5, 32), seed=st.integers(0, 1000))
def test_every_factor_stays_in_the_space_and_is_scored_once(factor: float, seed: int) -> None:
    score = Distance(np.linspace(1, factor, HALF))
    best, scores = searched(score, SMALL, factor=factor, seed=seed, **WHERE)
    assert score.asked == len(scores) <= SMALL.evaluations
    for each in scores:
        assert len(each) == HALF
        assert all(one <= other for one, other in pairwise(each))
        assert each[0] >= 1
        assert each[-1] <= 1.25 * factor + 0.005
        np.testing.assert_allclose(np.array(each) * 100, np.round(np.array(each) * 100))
    assert scores[best] == min(scores.values())


def test_the_same_seed_finds_the_same_and_more_tries_find_better() -> None:
    target = np.concatenate([np.ones(6), np.linspace(1.5, 4.5, HALF - 6)])
    found = [searched(Distance(target), SMALL, factor=4, seed=seed, **WHERE) for seed in (1, 1, 2)]
    assert found[0] == found[1]
    assert list(found[0][1]) != list(found[2][1])
    at_first = min(list(found[0][1].values())[: SMALL.population])
    longer = SMALL.model_copy(update={"iterations": 40})
    _, scores = searched(Distance(target), longer, factor=4, seed=1, **WHERE)
    assert min(scores.values()) < 0.5 * min(found[0][1].values()) < 0.5 * at_first


def test_the_paper_s_sizes_are_the_default() -> None:
    # 64 at first, 40 times 16 mutations and 16 crossovers.
    assert Search().evaluations == 64 + 40 * 32 == 1344


@pytest.mark.parametrize(
    "wrong",
    [
        {"parents": 65},
        {"population": 1},
        {"mutations": 0, "crossovers": 0},
        {"mutation_rate": 0},
        {"documents": 0},
        {"score": "perplexity"},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Search.model_validate(wrong)
