"""Laws of a ratio recover what made the losses, and refuse what the proxies do not vary."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from midtrain_dagster.laws.mixing.method import TooFewProxiesError
from midtrain_dagster.laws.mixing.methods import cmr, d_cpt
from midtrain_dagster.laws.mixing.ratio import UnidentifiedError
from midtrain_dagster.laws.mixing.ratio_points import Points, points
from midtrain_dagster.laws.mixing.ratio_study import RatioStudy, require_told, study
from tests.synthetic_swarm import Size, code, swarm, web

D_CPT, CMR = d_cpt.Config(law="d_cpt"), cmr.Config(law="cmr")
SHARES = np.array([0.05, 0.2, 0.4])
ONE: Size = ("default", 2_000_000, 1_000_000, 20)


def of(sizes: Sequence[Size], target: str = "loss/code") -> Points:
    return points(**swarm(sizes), domain="code", targets=[target])


@pytest.fixture(scope="module")
def of_code() -> RatioStudy:
    found = points(**swarm(), domain="code", targets=["loss/code"])
    return study(D_CPT, found, resamples=8)


def truth(law, tokens: float) -> np.ndarray:
    shape = np.ones_like(SHARES)
    return law(SHARES, tokens * shape, 1e6 * shape)


@pytest.mark.parametrize("tokens", [2e6, 3e6, 16e6])
def test_the_loss_at_another_share_and_after_more_tokens_is_the_law_that_made_it(
    of_code, tokens
) -> None:
    told = of_code.losses(SHARES, tokens, 1e6)
    np.testing.assert_allclose([each.value for each in told], truth(code, tokens), rtol=0.01)
    assert all(each.low <= each.value <= each.high for each in told)
    assert all(0.002 < each.high - each.low < 0.1 for each in told)


def test_its_error_on_proxies_left_out_is_the_noise(of_code) -> None:
    """Noise of 0.2 % on losses of 2.3: a mean error of 0.8 standard deviations."""
    assert 0.8 * 0.0046 * 0.7 < of_code.errors.mean_absolute < 0.8 * 0.0046 * 1.6
    assert of_code.errors.spearman > 0.95


def test_general_loss_follows_the_share_of_the_rest() -> None:
    found = study(D_CPT, of([ONE], "loss/web").of_the_rest(), resamples=3)
    told = found.losses(1 - SHARES, 2e6, 1e6)
    np.testing.assert_allclose([each.value for each in told], truth(web, 2e6), rtol=0.01)


def test_the_critical_share_is_where_the_rise_is_what_is_tolerated() -> None:
    """0.3 R^1.5 = 0.05 above the least share, which is near 0."""
    found = study(CMR, of([ONE, ("longer", 4_000_000, 1_000_000, 20)], "loss/web"), resamples=30)
    told = found.critical(0.05)
    assert told.value == pytest.approx((0.05 / 0.3 + found.least**1.5) ** (1 / 1.5), abs=0.03)
    assert found.least < told.low <= told.value <= told.high < found.most
    everything = found.critical(1.0)
    assert everything.low == everything.high == found.most


def test_a_rise_far_below_the_noise_has_no_critical_share() -> None:
    generator = np.random.default_rng(3)
    at = np.column_stack([generator.random(20), np.full(20, 1e6), np.full(20, 1e6)])
    noise = Points("code", at, 2 + generator.normal(0, 0.1, 20), ())
    with pytest.raises(UnidentifiedError, match="refits find anything from"):
        study(CMR, noise, resamples=30).critical(0.02)


def test_an_answer_as_wide_as_all_that_was_measured_is_refused(of_code) -> None:
    with pytest.raises(UnidentifiedError, match="as wide as all that the proxies measured"):
        study(
            D_CPT,
            of([ONE, ("a", 2_100_000, 1_000_000, 4), ("b", 2_200_000, 1_000_000, 4)]),
            resamples=8,
        ).losses(SHARES, 2e10, 1e6)


def test_a_law_that_runs_away_on_proxies_left_out_is_refused(of_code) -> None:
    wild = replace(of_code, errors=replace(of_code.errors, mean_absolute=3e18))
    with pytest.raises(UnidentifiedError, match=r"off by 3e\+18 on proxies left out.* 50 proxies"):
        wild.losses(SHARES, 2e6, 1e6)


@pytest.mark.parametrize(
    ("sizes", "asked", "reason"),
    [
        ([ONE], (4e6, 1e6), "4,000,000 tokens do is not told.* 2,000,000, .*2 sizes more"),
        ([ONE], (2e6, 3e6), "3,000,000 parameters do is not told.*model: "),
        (
            [ONE, ("longer", 4_000_000, 1_000_000, 2)],
            (8e6, 1e6),
            "2,000,000 or 4,000,000, .*3 counts. Add 1 size more of the search with other tokens",
        ),
        (
            [ONE, ("both", 4_000_000, 5_000_000, 2)],
            (4e6, 1e6),
            "tokens and parameters changed together in 2,000,000 tokens of 1,000,000 parameters",
        ),
    ],
)
def test_what_the_proxies_do_not_vary_is_refused_by_name(sizes, asked, reason) -> None:
    with pytest.raises(UnidentifiedError, match=reason):
        require_told(of(sizes), *asked)


@pytest.mark.parametrize(
    ("sizes", "asked"),
    [
        ([ONE, ("longer", 4_000_000, 1_000_000, 2)], (3e6, 1e6)),
        ([ONE, ("both", 4_000_000, 5_000_000, 2)], (4e6, 5e6)),
        (
            [ONE, ("a", 4_000_000, 1_000_000, 2), ("b", 8_000_000, 1_000_000, 2)],
            (64e6, 1e6),
        ),
    ],
)
def test_what_they_do_vary_is_not(sizes, asked) -> None:
    require_told(of(sizes), *asked)


def test_too_few_proxies_are_refused() -> None:
    with pytest.raises(TooFewProxiesError, match=r"has 6 numbers to fit.* 10 proxies.*there are 6"):
        study(D_CPT, of([("default", 1000, 10, 6)]))
    few = of([("default", 1000, 10, 10)])
    few.at[:, 0] = np.repeat([0.1, 0.5], 5)
    with pytest.raises(
        TooFewProxiesError, match=r"6 numbers of the share alone.* 2 shares of code"
    ):
        study(D_CPT, few)
