import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from midtrain_dagster.curation.raters.methods.combination import (
    BINS,
    VERSION,
    combine,
    quantiles,
    summarise,
)

SCALES = {"style": (0.0, 1.0), "facts": (-16.0, 16.0)}


def binned(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.clip(np.floor((values.astype(np.float64) - low) / (high - low) * BINS), 0, BINS - 1)


def naive(ratings: pl.DataFrame, sizes: np.ndarray, bins: int | None) -> dict[str, np.ndarray]:
    """Each rater's percentiles, every document compared with every other."""
    made = {}
    for name, (low, high) in SCALES.items():
        rated = ratings[name].is_not_null().to_numpy()
        bin_ = binned(ratings[name].fill_null(0).to_numpy(), low, high)
        below = (bin_[None, :] <= bin_[:, None]) & rated[None, :]
        share = (below * sizes).sum(axis=1) / max((sizes * rated).sum(), 1)
        if bins is not None:
            # Exact: whole bytes are compared with whole shares of the total.
            bytes_ = (below * sizes).sum(axis=1)
            share = np.maximum(-(-bytes_ * bins // max((sizes * rated).sum(), 1)) - 1, 0).astype(
                float
            )
        made[name] = np.where(rated, share, np.nan)
    return made


rating = st.one_of(
    st.none(),
    st.floats(0, 1, width=32),
    st.sampled_from([0.0, 0.5, 0.5000001, 1.0]),
    st.floats(-20, 20, width=32),
)
rows = st.lists(st.tuples(rating, rating, st.integers(1, 10_000)), min_size=1, max_size=30)


@settings(max_examples=30, deadline=None)
@given(rows, st.integers(1, 4), st.sampled_from([None, 2, 20]))
def test_percentiles_equal_the_naive_ones(
    documents: list[tuple[float | None, float | None, int]], parts: int, bins: int | None
) -> None:
    table = pl.DataFrame(
        documents,
        {"style": pl.Float32, "facts": pl.Float32, "utf8_bytes": pl.UInt64},
        orient="row",
    ).with_columns(id=pl.format("{}", pl.int_range(pl.len())))
    pieces = [table[part::parts] for part in range(parts)]
    histograms = [summarise(piece, piece, scales=SCALES)["histogram"] for piece in pieces]
    made = quantiles(pl.concat(histograms))["quantiles"]
    reverse = quantiles(pl.concat(histograms[::-1]))["quantiles"]
    assert_frame_equal(made, reverse)
    expected = naive(table, table["utf8_bytes"].to_numpy().astype(np.int64), bins)
    style, facts = expected["style"], expected["facts"]
    for take, weights, value in (
        ("maximum", None, np.maximum(style, facts)),
        ("mean", None, (style + facts) / 2),
        ("mean", [3.0, 1.0], (3 * style + facts) / 4),
    ):
        combined = combine(table, made, scales=SCALES, take=take, weights=weights, bins=bins)[
            "ratings"
        ]
        assert combined["id"].equals(table["id"])
        np.testing.assert_allclose(combined["rating"].to_numpy(), value, atol=1e-6)
    missing = combined["error"].is_not_null()
    assert missing.equals(combined["rating"].is_null(), check_names=False)


def test_unrated_documents_say_by_whom() -> None:
    table = pl.DataFrame(
        {
            "id": ["a", "b", "c"],
            "style": pl.Series([0.5, None, None], dtype=pl.Float32),
            "facts": pl.Series([1.0, 2.0, None], dtype=pl.Float32),
            "utf8_bytes": [10, 30, 5],
        }
    )
    made = quantiles(summarise(table, table, scales=SCALES)["histogram"])["quantiles"]
    ratings = combine(table, made, scales=SCALES, take="maximum")["ratings"]
    assert ratings["rating"].to_list() == [1.0, None, None]
    assert ratings["error"].to_list() == [None, "not rated by style", "not rated by style, facts"]


def test_twenty_bins_of_equal_documents_hold_one_each() -> None:
    table = pl.DataFrame(
        {"id": [f"{number:02d}" for number in range(20)], "utf8_bytes": [7] * 20}
    ).with_columns(style=pl.int_range(20) / pl.lit(20.0, pl.Float32))
    scales = {"style": (0.0, 1.0)}
    made = quantiles(summarise(table, table, scales=scales)["histogram"])["quantiles"]
    ratings = combine(table, made, scales=scales, take="maximum", bins=20)["ratings"]
    assert ratings["rating"].to_list() == list(range(20))


def test_a_combined_rating_is_within_a_bin_of_the_exact_percentile() -> None:
    random = np.random.default_rng(0)
    values = random.beta(0.3, 0.3, 5_000).astype(np.float32)
    table = pl.DataFrame({"id": [str(number) for number in range(5_000)], "style": values})
    table = table.with_columns(utf8_bytes=pl.lit(100))
    scales = {"style": (0.0, 1.0)}
    made = quantiles(summarise(table, table, scales=scales)["histogram"])["quantiles"]
    ratings = combine(table, made, scales=scales, take="maximum")["ratings"]["rating"]
    exact = np.searchsorted(np.sort(values), values, side="right") / 5_000
    share_of_a_bin = np.bincount(binned(values, 0, 1).astype(int)).max() / 5_000
    assert (ratings >= exact - 1e-6).all()
    assert abs(ratings.to_numpy() - exact).max() <= share_of_a_bin


def test_errors_and_golden() -> None:
    table = pl.DataFrame({"id": ["a", "b"], "style": [0.25, 0.75], "utf8_bytes": [1, 3]})
    scales = {"style": (0.0, 1.0)}
    with pytest.raises(ValueError, match="document 'b' has a rating and no size"):
        summarise(table, table.head(1), scales=scales)
    made = summarise(table, table, scales=scales)["histogram"]
    assert VERSION == 1
    assert made.rows() == [("style", BINS // 4, 1), ("style", BINS * 3 // 4, 3)]
    other = quantiles(made)["quantiles"]
    assert other["percentile"].to_list() == [0.25, 1.0]
    with pytest.raises(ValueError, match=r"style rates 'b' 0\.75, in a bin that the quantiles"):
        combine(table, other.head(1), scales=scales, take="mean")
