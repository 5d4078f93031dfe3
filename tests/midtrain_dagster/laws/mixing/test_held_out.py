import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtrain_dagster.laws.mixing.held_out import errors, held_out, proxies_needed
from midtrain_dagster.laws.mixing.method import TooFewProxiesError
from midtrain_dagster.laws.mixing.methods.log_linear import Config
from tests.laws_at_hand import mixtures

LAW = Config(law="log_linear")


class Mean:
    """A law that says the mean of what it has seen, and remembers that."""

    law = "mean"

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []
        self.converged = True

    def parameters(self, domains: int) -> int:
        return 1

    def fit(self, mixtures, losses, *, own=None, seed=0):
        self.seen.append(losses)
        self.mean = losses.mean()
        return self

    def predict(self, mixtures):
        return np.full(len(mixtures), self.mean)


def test_no_proxy_is_predicted_by_a_law_that_has_seen_it() -> None:
    losses = np.arange(10.0)
    law = Mean()
    found = held_out(law, mixtures(10, 2), losses, folds=5)
    for seen in law.seen:
        assert len(seen) == 8
        others = sorted(set(losses) - set(seen))
        np.testing.assert_allclose(found.predicted[np.isin(losses, others)], seen.mean())
    assert sorted(loss for seen in law.seen for loss in set(losses) - set(seen)) == list(losses)


def test_folds_are_drawn_by_the_seed() -> None:
    shares = mixtures(20, 2)
    losses = np.random.default_rng(2).random(20)
    first, same, other = (
        held_out(LAW, shares, losses, folds=4, seed=seed).predicted for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_errors_are_those_of_the_formulas() -> None:
    found = errors(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.5]))
    assert (found.mean_absolute, found.worst) == (0.625, 1.0)
    assert found.relative == pytest.approx(0.625 / np.sqrt(1.25))
    # Ranks 1 3 2 4: 1 - 6 * 2 / (4 * 15); one of six pairs the other way round.
    assert (found.spearman, found.kendall) == pytest.approx((0.8, 4 / 6))


def test_what_cannot_be_ordered_has_no_correlation() -> None:
    found = errors(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    assert (found.spearman, found.kendall) == (None, None)
    assert errors(np.array([1.0, 1.0]), np.array([1.0, 2.0])).relative is None


@given(st.integers(1, 9), st.integers(2, 12))
def test_proxies_needed_are_the_fewest_that_can_be_fitted(domains: int, folds: int) -> None:
    needed = proxies_needed(LAW, domains, folds)
    smallest = needed - np.bincount(np.arange(needed) % folds).max()
    assert smallest >= domains + 1
    shares = mixtures(needed - 1, domains)
    with pytest.raises(TooFewProxiesError, match=f"train at least {needed}"):
        held_out(LAW, shares, np.ones(needed - 1), folds=folds)


@given(st.lists(st.integers(0, 3), min_size=4, max_size=30), st.integers(2, 6), st.integers(0, 9))
def test_no_fold_has_a_group_of_two_or_more_to_itself(groups, folds, seed) -> None:
    law, losses = Mean(), np.arange(float(len(groups)))
    shares = mixtures(len(groups), 2)
    if len(groups) < proxies_needed(law, 2, folds):
        return
    held_out(law, shares, losses, folds=folds, seed=seed, groups=np.array(groups))
    for seen in law.seen:
        of_seen = {groups[int(loss)] for loss in seen}
        assert of_seen >= {each for each in groups if groups.count(each) > 1}
