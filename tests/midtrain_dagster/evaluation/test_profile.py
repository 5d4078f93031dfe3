"""Abilities are plain means over their benchmarks, and what is not shared by all has no part."""

from math import sqrt
from typing import Any

import polars as pl
import pytest

from assets.report import measurements
from midtrain_dagster.evaluation.harness import SCORES
from midtrain_dagster.evaluation.method import ACCURACY, BITS
from midtrain_dagster.evaluation.profile import NOT_SAID, PROFILE, profile


@pytest.fixture(scope="module")
def scores(tiny_run: Any) -> pl.DataFrame:
    return measurements(tiny_run.recipe, tiny_run["report"]).scores


def test_an_ability_of_one_benchmark_has_its_figures(scores: pl.DataFrame) -> None:
    found = profile(scores, {"hellaswag": "general reasoning"})
    assert found.schema == PROFILE
    assert set(found["ability"]) == {"general reasoning"}
    for unit, metric in ((ACCURACY, "acc_norm"), (BITS, "bits_per_byte")):
        rows, told = found.filter(unit=unit), scores.filter(metric=metric)
        assert rows["checkpoint"].to_list() == told["checkpoint"].to_list()
        for column in ("value", "stderr", "chance", "items"):
            assert rows[column].to_list() == pytest.approx(told[column].to_list())


def test_an_ability_is_the_mean_of_its_benchmarks(scores: pl.DataFrame) -> None:
    other = scores.with_columns(
        benchmark=pl.lit("other"), value=pl.col("value") / 2, chance=pl.lit(None, pl.Float64)
    )
    both = pl.concat([scores, other])
    found = profile(both, {"hellaswag": "reasoning", "other": "reasoning"})
    for row in found.iter_rows(named=True):
        metric = "acc_norm" if row["unit"] == ACCURACY else "bits_per_byte"
        of = scores.filter(checkpoint=row["checkpoint"], metric=metric).row(0, named=True)
        assert row["value"] == pytest.approx(0.75 * of["value"])
        assert row["stderr"] == pytest.approx(of["stderr"] / sqrt(2))
        assert (row["chance"], row["items"]) == (None, 2 * of["items"])
        assert row["benchmarks"] == ["hellaswag", "other"]


def test_what_no_ability_is_said_of_comes_last_in_a_row_of_its_own(scores: pl.DataFrame) -> None:
    other = scores.with_columns(benchmark=pl.lit("other"))
    found = profile(pl.concat([scores, other]), {"hellaswag": None, "other": "reasoning"})
    assert found["ability"].unique(maintain_order=True).to_list() == ["reasoning", NOT_SAID]


def test_what_one_checkpoint_lacks_is_in_no_mean(scores: pl.DataFrame) -> None:
    other = scores.filter(pl.col("checkpoint") != "base").with_columns(benchmark=pl.lit("other"))
    both = pl.concat([scores, other])
    found = profile(both, {"hellaswag": "reasoning", "other": "reasoning"})
    assert found.explode("benchmarks")["benchmarks"].unique().to_list() == ["hellaswag"]
    assert profile(pl.DataFrame(schema={"checkpoint": pl.String, **SCORES}), {}).is_empty()
