"""One table has every benchmark and checkpoint of a run, and what each is held against."""

from typing import Any

import polars as pl
import pytest

from assets.report import COMPARED, measurements
from midtrain_dagster.display.blocks import Span, Stack, Table
from midtrain_dagster.display.numbers import MISSING
from midtrain_dagster.evaluation.comparison import SEEDS, spread_of_seeds
from midtrain_dagster.evaluation.report_matrix import matrix_blocks, measures

NO_SEEDS = SEEDS.to_frame()


@pytest.fixture(scope="module")
def scores(tiny_run: Any) -> pl.DataFrame:
    return measurements(tiny_run.recipe, tiny_run["report"]).scores


@pytest.fixture(scope="module")
def compared(tiny_run: Any) -> pl.DataFrame:
    return tiny_run["report"].read(COMPARED)


def table(blocks: list[Any]) -> Table:
    (found,) = [block for block in blocks if isinstance(block, Table)]
    return found


def test_every_checkpoint_has_a_column_with_its_value_and_differences(scores, compared) -> None:
    made = table(matrix_blocks(scores, compared, NO_SEEDS))
    assert [column.title for column in made.columns] == [
        *("Benchmark", "base", "annealed", "annealed control", "extended"),
    ]
    for row, (benchmark, metric, unit) in zip(made.rows, measures(scores), strict=True):
        note = f"{metric}, %" if unit == "accuracy" else unit
        assert row[0] == Stack((Span(benchmark, "strong"), note))
        annealed = row[2]
        assert isinstance(annealed, Stack)
        told = compared.filter(checkpoint="annealed", benchmark=benchmark, metric=metric)
        held = [
            line for line in annealed.lines if isinstance(line, Span) and "annealed" in line.text
        ]
        bases = [line for line in annealed.lines if isinstance(line, Span) and "base" in line.text]
        assert (len(held), len(bases)) == (1, 1), told
        for line, each in zip((*held, *bases), told.iter_rows(named=True), strict=True):
            words = "both at chance" if each["at_chance"] else each["outcome"]
            assert line.text.endswith(words)


def test_bits_stand_first_where_all_are_at_chance(scores) -> None:
    guessed = scores.with_columns(at_chance=pl.lit(True))
    metrics = [metric for _, metric, _ in measures(guessed)]
    assert metrics == ["bits_per_byte", "acc_norm"]
    better = scores.with_columns(at_chance=pl.lit(False))
    assert [metric for _, metric, _ in measures(better)] == ["acc_norm", "bits_per_byte"]


def test_seeds_have_a_column_of_their_own_and_none_each(scores, compared) -> None:
    again = scores.filter(checkpoint="annealed").with_columns(
        checkpoint=pl.lit("annealed/seed_8"), value=pl.col("value") + 0.1
    )
    every = pl.concat([scores, again])
    seeds = spread_of_seeds(every)
    made = table(matrix_blocks(every, compared, seeds))
    titles = [column.title for column in made.columns]
    assert titles[2:4] == ["annealed", "annealed, 2 seeds"]
    assert not any("seed 8" in title for title in titles)
    for row, (_, metric, unit) in zip(made.rows, measures(every), strict=True):
        told = seeds.filter(metric=metric).row(0, named=True)
        scale, digits = (100, 1) if unit == "accuracy" else (1, 3)
        mean, deviation, least, greatest = (
            f"{scale * told[name]:.{digits}f}"
            for name in ("mean", "deviation", "least", "greatest")
        )
        assert row[3] == Stack((mean, f"deviation {deviation}", f"{least} to {greatest}"))


def test_a_score_that_is_missing_is_a_dash_and_none_is_no_table(scores, compared) -> None:
    lacking = scores.with_columns(
        value=pl.when(pl.col("checkpoint") == "extended").then(None).otherwise("value")
    )
    made = table(matrix_blocks(lacking, compared, NO_SEEDS))
    assert all(row[4] == MISSING for row in made.rows)
    assert matrix_blocks(scores.clear(), compared, NO_SEEDS) == []
