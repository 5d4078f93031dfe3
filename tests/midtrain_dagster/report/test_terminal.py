"""The table that a run ends with, of the finished run of the tiny recipe."""

from dataclasses import replace
from io import StringIO
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from assets.report import measurements
from midtrain_dagster.evaluation.headline import Measurements
from midtrain_dagster.report.terminal import before_after_table, print_whole


@pytest.fixture(scope="module")
def measured(tiny_run: Any) -> Measurements:
    return measurements(tiny_run.recipe, tiny_run["report"])


def shown(measured: Measurements, width: int = 110) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    print_whole(before_after_table(measured), console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_table_names_measures_checkpoints_and_values(measured: Measurements) -> None:
    text = shown(measured)
    for part in ("Before and after mid-training", "mathematics (target)", "losses in nats per"):
        assert part in text
    for loss in measured.losses["loss"]:
        assert f"{loss:.3f}" in text
    guessed = measured.scores.filter("headline")["at_chance"].sum()
    assert text.count("at chance") == guessed > 0


def test_table_has_the_loss_beyond_the_bases_window_where_a_stage_has_a_longer_one(
    measured: Measurements,
) -> None:
    (line,) = [line for line in shown(measured).splitlines() if "beyond 64 tokens (long)" in line]
    (row,) = [row for row in measured.rows if row.role == "long"]
    assert line.split()[-4:] == [f"{each.value:.3f}" for each in row.values.values()]
    assert "beyond 64" not in shown(replace(measured, window=None))


def test_items_of_a_benchmark_are_counted_and_those_left_out_have_a_reason(
    measured: Measurements,
) -> None:
    words = " ".join(shown(measured, width=300).split())
    first = measured.asked.row(0, named=True)
    scored, too_long = first["scored"], first["too_long"]
    assert scored + too_long == 10 and too_long, "the recipe's limit"
    assert f"hellaswag bits per byte {scored} of 10 items 3." in words
    assert f"{scored} of 10 items at chance" in words
    why = "left out, since an answer or a prompt alone is longer than the window"
    assert f"{too_long} {why}" in words
    assert "90 beyond the recipe's limit" in words


def test_names_are_not_taken_for_rich_markup(measured: Measurements) -> None:
    odd = measured.losses.filter(domain="web").with_columns(domain=pl.lit("[red]x[/red]"))
    assert "[red]x[/red]" in shown(replace(measured, losses=odd, scores=measured.scores.clear()))


def test_figures_are_whole_however_many_checkpoints_there_are(measured: Measurements) -> None:
    losses = measured.losses
    many = pl.concat(
        losses.with_columns(checkpoint=pl.col("checkpoint") + f"/seed_{seed}") for seed in range(9)
    )
    text = shown(replace(measured, losses=many, scores=measured.scores.clear()), width=80)
    assert "…" not in text
    assert all(text.count(f"{loss:.3f}") >= 9 for loss in losses["loss"])


def test_table_of_a_usual_run_fits_eighty_columns(measured: Measurements) -> None:
    assert max(map(len, shown(measured, width=80).splitlines())) <= 80
