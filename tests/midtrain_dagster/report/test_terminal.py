"""The table that a run ends with, of the finished run of the tiny recipe."""

from io import StringIO
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from midtrain_dagster.report.terminal import before_after_table, print_whole

Tables = tuple[pl.DataFrame, pl.DataFrame]


@pytest.fixture(scope="module")
def tables(tiny_run: Any) -> Tables:
    return tiny_run["report"].read("losses"), tiny_run["report"].read("scores")


def shown(losses: pl.DataFrame, scores: pl.DataFrame, width: int = 110) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    print_whole(before_after_table(losses, scores, ("web", "wikipedia"), ("mathematics",)), console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_table_names_measures_checkpoints_and_values(tables: Tables) -> None:
    losses, scores = tables
    text = shown(*tables)
    for part in ("Before and after mid-training", "mathematics (target)", "losses in nats per"):
        assert part in text
    for loss in losses["loss"]:
        assert f"{loss:.3f}" in text
    guessed = scores.filter("headline")["at_chance"].sum()
    assert text.count("at chance") == guessed > 0


def test_names_are_not_taken_for_rich_markup(tables: Tables) -> None:
    losses, scores = tables
    odd = losses.filter(domain="web").with_columns(domain=pl.lit("[red]x[/red]"))
    assert "[red]x[/red]" in shown(odd, scores.clear())


def test_figures_are_whole_however_many_checkpoints_there_are(tables: Tables) -> None:
    losses, scores = tables
    many = pl.concat(
        losses.with_columns(checkpoint=pl.col("checkpoint") + f"/seed_{seed}") for seed in range(9)
    )
    text = shown(many, scores.clear(), width=80)
    assert "…" not in text
    assert all(text.count(f"{loss:.3f}") >= 9 for loss in losses["loss"])


def test_table_of_a_usual_run_fits_eighty_columns(tables: Tables) -> None:
    assert max(map(len, shown(*tables, width=80).splitlines())) <= 80
