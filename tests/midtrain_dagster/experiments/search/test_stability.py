"""Rank correlations between sizes: known values, ties and what is missing."""

import polars as pl
import pytest

from midtrain_dagster.experiments.search.stability import stability
from midtrain_dagster.experiments.search.tables import LOSSES, PROXIES


def tables(small: list[float | None], large: list[float | None]) -> tuple[pl.DataFrame, ...]:
    """Two sizes with a loss a mixture each; none where it failed."""
    proxies, losses = [], []
    for size, values in (("default", small), ("large", large)):
        for mixture, value in enumerate(values):
            number = len(proxies)
            failed = None if value is not None else "no number"
            proxies.append((number, mixture, 0, size, 10, 5, 1, failed))
            if value is not None:
                losses.append((number, "loss/web", value, "nats a token", 9))
    return (
        pl.DataFrame(proxies, PROXIES, orient="row"),
        pl.DataFrame(losses, LOSSES, orient="row"),
    )


def test_the_coefficients_are_those_of_the_ranks() -> None:
    (row,) = stability(*tables([1, 2, 3, 4], [10, 30, 20, 40])).iter_rows(named=True)
    assert (row["size"], row["other"], row["mixtures"]) == ("default", "large", 4)
    # One pair of six is the other way round: 1 - 6 (0+1+1+0) / (4 (16-1)), and (5-1) / 6.
    assert row["spearman"] == pytest.approx(0.8)
    assert row["kendall"] == pytest.approx(2 / 3)


def test_what_failed_in_a_size_is_left_out_of_both() -> None:
    (row,) = stability(*tables([1, None, 3, 4], [1, 2, 3, None])).iter_rows(named=True)
    assert row["mixtures"] == 2
    assert row["spearman"] is None and row["kendall"] is None


def test_equal_losses_have_no_rank() -> None:
    (row,) = stability(*tables([1, 2, 3], [5, 5, 5])).iter_rows(named=True)
    assert row["mixtures"] == 3 and row["spearman"] is None


def test_a_single_size_has_nothing_to_compare() -> None:
    assert stability(*tables([1, 2, 3], [])).is_empty()
