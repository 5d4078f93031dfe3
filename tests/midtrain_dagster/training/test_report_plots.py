"""Figures of the runs of the tiny recipe lie where their logs and mixtures say."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.display.style import AMBER, BLUE, GREY, figure_svg
from midtrain_dagster.training import report_plots
from midtrain_dagster.training.report_plots import (
    mixture,
    mixture_course,
    running_mean,
    schedule_and_loss,
    thinned,
)

RUNS = ("base", "annealed", "annealed/control", "extended")
STEP = 1024


@pytest.fixture(scope="module")
def logs(tiny_run: Any) -> dict[str, pl.DataFrame]:
    return {name: tiny_run[f"checkpoint/{name}"].read("log") for name in RUNS}


@pytest.fixture(scope="module")
def mixtures(tiny_run: Any) -> dict[str, pl.DataFrame]:
    return {name: tiny_run[f"checkpoint/{name}"].read("mixture") for name in RUNS}


def lines(axes: Any, colour: str) -> list[Any]:
    return [line for line in axes.lines if line.get_color() == colour]


def test_runs_follow_one_another_and_a_control_starts_with_its_stage(logs: Any) -> None:
    top, bottom = schedule_and_loss(logs).axes
    (base,), (annealed,), (control,) = (lines(top, colour) for colour in (GREY, BLUE, AMBER))
    assert base.get_xdata()[-1] == 16 * STEP
    assert annealed.get_xdata()[0] == control.get_xdata()[0] == 17 * STEP
    assert (annealed.get_linestyle(), control.get_linestyle()) == ("-", "--")
    assert bottom.get_xlim() == (0, (16 + 8 + 8) * STEP)
    assert list(annealed.get_ydata()) == logs["annealed"]["learning_rate"].to_list()
    pale, smooth = lines(bottom, BLUE)
    assert list(pale.get_ydata()) == logs["annealed"]["loss"].to_list()
    assert len(smooth.get_ydata()) == 8
    svg = figure_svg(top.figure)
    for text in ("base", "annealed", "extended", "annealed control", "nats per token"):
        assert f">{text}" in svg or text in svg


def test_planned_and_delivered_lie_over_the_course_of_a_stage() -> None:
    table = pl.DataFrame(
        {
            "domain": ["web", "qa"] * 2,
            "begin": [0, 0, 100, 100],
            "end": [100, 100, 200, 200],
            "planned": [0.9, 0.1, 0.6, 0.4],
            "delivered": [0.88, 0.12, 0.6, 0.4],
        }
    )
    made = mixture_course({"base": table, "annealed": table})
    first, second = made.axes
    delivered, planned, *_ = first.lines
    assert delivered.get_xdata().tolist() == [50, 150]
    assert delivered.get_ydata().tolist() == [0.88, 0.6]
    assert planned.get_ydata().tolist() == [0.9, 0.6]
    assert (planned.get_linestyle(), delivered.get_linestyle()) == (":", "-")
    assert second.get_xlim() == (0, 200)
    svg = figure_svg(made)
    for text in ("base", "annealed", "web", "qa", "planned", "delivered"):
        assert f">{text}" in svg or text in svg


def test_a_run_alone_looks_as_it_does_beside_the_others(logs: Any) -> None:
    top, _ = schedule_and_loss({"annealed/control": logs["annealed/control"]}, RUNS).axes
    (line,) = top.lines
    assert (line.get_color(), line.get_linestyle()) == (AMBER, "--")


def test_a_further_seed_is_no_stage_of_its_own(logs: Any) -> None:
    seeds = logs | {"annealed/seed_2": logs["annealed"]}
    top, bottom = schedule_and_loss(seeds).axes
    stage, seed = lines(top, BLUE)
    assert list(stage.get_xdata()) == list(seed.get_xdata())
    assert bottom.get_xlim() == (0, (16 + 8 + 8) * STEP)


def test_a_control_alone_is_drawn_from_zero(logs: Any) -> None:
    top, bottom = schedule_and_loss({"annealed/control": logs["annealed/control"]}).axes
    assert bottom.get_xlim() == (0, 8 * STEP)
    assert top.lines[0].get_xdata()[0] == STEP


def test_steps_without_a_loss_are_left_out(logs: Any) -> None:
    base = logs["base"]
    no_loss = pl.lit(None, pl.Float64)
    skipping = base.with_columns(loss=pl.when(pl.col("step") == 3).then(no_loss).otherwise("loss"))
    _, bottom = schedule_and_loss({"base": skipping}).axes
    pale, smooth = bottom.lines
    assert 4 * STEP not in pale.get_xdata() and len(pale.get_xdata()) == 15
    assert np.isfinite(smooth.get_ydata()).all()
    for few in (base.head(1), base.with_columns(loss=no_loss)):
        assert "<svg" in figure_svg(schedule_and_loss({"base": few}))


def test_long_logs_are_thinned_to_means() -> None:
    x, y = thinned(np.arange(12_000.0), np.arange(12_000.0))
    assert len(x) == report_plots.POINTS
    assert np.array_equal(x, y) and x.mean() == pytest.approx(5999.5)


def test_running_means_are_shorter_at_the_ends() -> None:
    assert list(running_mean(np.array([1.0, 3.0, 8.0]))) == [1.0, 4.0, 8.0]
    assert list(running_mean(np.array([2.0]))) == [2.0]


def test_mixture_bars_are_the_planned_and_the_delivered_shares(
    tiny_run: Any, mixtures: Any
) -> None:
    (axes,) = mixture(mixtures).axes
    bars = [bar for bar in axes.patches if bar.get_width()]
    for row, (run, table) in enumerate(mixtures.items()):
        for column, y in (("planned", row - 0.19), ("delivered", row + 0.19)):
            drawn = [bar for bar in bars if bar.get_y() + bar.get_height() / 2 == pytest.approx(y)]
            shares = table.filter(pl.col(column) > 0)[column]
            assert sorted(bar.get_width() for bar in drawn) == pytest.approx(sorted(shares))
            assert max(bar.get_x() + bar.get_width() for bar in drawn) == pytest.approx(1)
            assert len({bar.get_facecolor()[:3] for bar in drawn}) == len(shares) > 1, run
    svg = figure_svg(axes.figure)
    for text in ("planned", "delivered", "mathematics", "annealed control", "40%"):
        assert text in svg


def test_mixture_refuses_what_is_no_share(mixtures: Any) -> None:
    tokens = mixtures["base"].with_columns(planned=pl.col("tokens").cast(pl.Float64))
    with pytest.raises(ValueError, match="the planned shares of base add up to"):
        mixture({"base": tokens})
