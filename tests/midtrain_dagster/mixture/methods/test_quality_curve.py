from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.core.problems import View
from midtrain_dagster.mixture.method import WEIGHTS, NoTokensError
from midtrain_dagster.mixture.methods.quality_curve import (
    CURVE,
    Config,
    RepetitionError,
    repetitions,
    weights,
)
from midtrain_dagster.tokens.shards import INDEX

SHAPE = {"drop": 0.4, "cap": 7.0, "power": 1.0}


def index(tokens: dict[str, int]) -> pl.LazyFrame:
    """Training shards that hold so many tokens of each domain, in documents of 10 and a rest."""
    rows = [
        (f"{domain} {start}", domain, 0, min(10, count - start))
        for domain, count in tokens.items()
        for start in range(0, count, 10)
    ]
    return pl.DataFrame(rows, INDEX, orient="row").lazy()


def config(**fields: Any) -> Config:
    return Config.model_validate({"method": "quality_curve", "tokens": "10k", **fields})


def naive(edges: np.ndarray, mean: float, drop: float, cap: float, power: float) -> np.ndarray:
    """The height found by halving, and each band's mean by a sum over many small steps."""
    steps = 20_000

    def curve(height: float, begin: float, end: float) -> float:
        x = begin + (end - begin) * (np.arange(steps) + 0.5) / steps
        place = np.clip((x - drop) / (1 - drop), 0, None)
        rising = np.minimum(cap, height * place**power)
        return float(np.where(x > drop, rising, 0.0).mean())

    low, high = 0.0, 1e9
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if curve(middle, 0, 1) < mean else (low, middle)
    return np.array([curve(low, *ends) for ends in pairwise(edges)])


BANDS = st.lists(st.integers(1, 500), min_size=1, max_size=20)
SHAPES = st.fixed_dictionaries(
    {"drop": st.floats(0, 0.95), "cap": st.floats(0.1, 20), "power": st.floats(0, 8)}
)


@given(BANDS, SHAPES, st.floats(0.001, 1))
def test_curve_rises_stays_below_its_cap_and_has_the_mean_that_is_asked(
    sizes: list[int], shape: dict[str, float], part: float
) -> None:
    edges = np.append(0, np.cumsum(sizes) / sum(sizes))
    mean = part * (1 - shape["drop"]) * shape["cap"]
    found = repetitions(edges, mean, **shape)
    assert (np.diff(found) >= -1e-9).all()
    assert found.min() >= 0 and found.max() <= shape["cap"] * (1 + 1e-9)
    assert abs(found @ np.diff(edges) - mean) < 1e-9


@pytest.mark.parametrize("mean", [0.2, 1.85, 3.0, 4.0])
@pytest.mark.parametrize("power", [0.0, 1.0, 2.5])
def test_curve_is_that_of_a_naive_solver(mean: float, power: float) -> None:
    edges = np.array([0, 0.2, 0.4, 0.5, 0.65, 0.9, 1])
    found = repetitions(edges, mean, drop=0.4, cap=7, power=power)
    assert found == pytest.approx(naive(edges, mean, 0.4, 7, power), abs=2e-3)


def test_curve_in_vigintiles_is_about_that_of_dolma3() -> None:
    """dolma3, mixes/6T-1025: the lowest 40 percent dropped, 40 to 90 taken 1 to 4 times, the top
    tenth 5 to 7 times. By hand: c = 3.7 / 0.6, and a band has the line at its middle."""
    found = repetitions(np.linspace(0, 1, 21), 1.85, **SHAPE)
    assert (found[:8] == 0).all()
    assert found[8:] == pytest.approx([2 * 1.85 / 0.6 * (n + 0.5) / 12 for n in range(12)])
    assert 1 < found[8:18].mean() < 4 and 5 < found[18:].mean() < 7


@given(
    st.dictionaries(st.integers(1, 12), st.integers(1, 300), min_size=1),
    st.integers(1, 300),
    st.floats(0.05, 0.95),
    SHAPES,
)
def test_shares_of_bands_sum_to_that_of_their_domain(
    bands: dict[int, int], other: int, share: float, shape: dict[str, float]
) -> None:
    there = {f"web/{number}": count for number, count in bands.items()} | {"code": other}
    tokens = 1 + int(0.9 * sum(bands.values()) * (1 - shape["drop"]) * shape["cap"] / share)
    shares = {"web": share, "code": 1 - share}
    if share * tokens > sum(bands.values()) * (1 - shape["drop"]) * shape["cap"]:
        with pytest.raises(RepetitionError):
            weights(index(there), tokens=tokens, shares=shares, shapes={"web": shape})
        return
    made = weights(index(there), tokens=tokens, shares=shares, shapes={"web": shape})
    table, curve = made["weights"], made["curve"]
    assert table.schema == WEIGHTS and curve.schema == CURVE
    of = dict(table.select("domain", "share").iter_rows())
    assert abs(of.pop("code") - (1 - share)) < 1e-9
    assert abs(sum(of.values()) - share) < 1e-9
    assert curve["band"].to_list() == [f"web/{number}" for number in sorted(bands)]
    read = curve["repetition"] * curve["tokens"]
    assert abs(read.sum() / tokens - share) < 1e-9
    assert [of[band] for band in curve["band"]] == pytest.approx((read / tokens).to_list())


def test_share_that_no_curve_gives_is_told_with_its_figures() -> None:
    there = index({"web/1": 500, "web/2": 500, "code": 100})
    asked = {"shares": {"web": 0.6, "code": 0.4}, "shapes": {"web": SHAPE}}
    assert weights(there, tokens=7000, **asked)["curve"]["repetition"].max() <= 7
    with pytest.raises(RepetitionError) as told:
        weights(there, tokens=8000, **asked)
    assert str(told.value) == (
        "web: a share of 0.6 of 8k tokens is 4.80 times the 1,000 tokens that there are, and a "
        "curve that drops the lowest 40% and repeats 7 times at most gives 4.20 times: share 0.525 "
        "at most, or drop less, raise cap, add documents"
    )


def test_domain_without_a_token_is_refused() -> None:
    shares = {"web": 0.5, "code": 0.5}
    with pytest.raises(NoTokensError, match="no curated token of web"):
        weights(index({"code": 10}), tokens=10, shares=shares, shapes={"web": SHAPE})


def test_names_that_only_look_like_bands_are_domains() -> None:
    shares = {"web": 0.5, "logs/2024": 0.5}
    there = index({"web/1": 10, "web/2": 10, "logs/2024": 10})
    made = weights(there, tokens=20, shares=shares, shapes={"web": SHAPE})
    assert made["weights"]["domain"].to_list() == ["logs/2024", "web/1", "web/2"]


def test_problems_are_curves_without_bands_and_stages_of_other_tokens() -> None:
    view = View(sources={"crawl": "web", "forge": "code"}, bands={"web": ["web/1", "web/2"]})
    right = config(domains={"web": {"share": 0.6}, "code": 0.4})
    assert list(right.problems(view, {"annealed": 10_000})) == []
    found = list(right.problems(View(sources={"crawl": "web"}), {"annealed": 20_000}))
    assert [place for place, _ in found] == [("domains", "web"), ("domains", "code"), ("tokens",)]
    assert [reason[:40] for _, reason in found] == [
        "it has no bands for a curve: cut it by `",
        "no source feeds 'code' (fed: web)",
        "stage annealed trains 20k tokens on it, ",
    ]
    ((place, reason),) = config(domains={"web": 0.6, "code": 0.4}).problems(view, {})
    assert (place, reason[:22]) == (("domains", "web"), "it is cut into bands: ")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"domains": {"web": {"share": 0.6}}}, "sum to 0.6"),
        ({"domains": {"web": {"share": 1, "drop": 1}}}, "less than 1"),
        ({"domains": {"web": {"share": 1, "cap": 0}}}, "greater than 0"),
        ({"domains": {}}, "at least 1"),
    ],
)
def test_section_that_cannot_be_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        config(**fields)


def test_work_of_the_method_has_its_fields_as_causes() -> None:
    shares = {"code": 0.4}
    first, same, other = (
        config(domains={"web": {"share": 0.6, "cap": cap}, **shares}).work([], {})
        for cap in (7, 7, 5)
    )
    assert first.folder == same.folder != other.folder
