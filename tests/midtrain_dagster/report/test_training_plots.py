import numpy as np
import polars as pl
import pytest

from midtrain_dagster.report import training_plots
from midtrain_dagster.report.data import ReportData
from midtrain_dagster.report.style import AMBER, BLUE, GREY, figure_svg
from midtrain_dagster.report.training_plots import losses_by_domain, positions, schedule_and_loss


def lines(axes, colour: str) -> list:
    return [line for line in axes.lines if line.get_color() == colour]


def test_runs_follow_one_another_and_a_control_starts_with_its_stage(data: ReportData) -> None:
    top, bottom = schedule_and_loss(data.logs).axes
    (base,) = lines(top, GREY)
    (annealed,) = lines(top, BLUE)
    (control,) = lines(top, AMBER)
    assert base.get_xdata()[-1] == 480 * 4096
    assert annealed.get_xdata()[0] == control.get_xdata()[0] == 480 * 4096 + 4096
    assert control.get_linestyle() == "--"
    assert annealed.get_linestyle() == "-"
    assert bottom.get_xlim() == (0, (480 + 160 + 80) * 4096)
    assert list(annealed.get_ydata()) == data.logs[1][1]["rate"].to_list()


def test_stages_and_units_are_written(data: ReportData) -> None:
    svg = figure_svg(schedule_and_loss(data.logs))
    for text in ("base", "annealed", "extended", "annealed control", "nats per token", "2M"):
        assert f">{text}" in svg or text in svg


def test_a_control_alone_is_drawn_from_zero(data: ReportData) -> None:
    log = data.logs[2][1]
    top, bottom = schedule_and_loss([("annealed_control", log)]).axes
    assert bottom.get_xlim() == (0, 160 * 4096)
    assert top.lines[0].get_xdata()[0] == 4096


def test_a_log_of_one_step_is_drawn() -> None:
    log = pl.DataFrame({"step": [1], "tokens": [10], "loss": [3.0], "rate": [0.1]})
    assert "<svg" in figure_svg(schedule_and_loss([("short", log)]))


def test_a_step_without_a_loss_is_left_out() -> None:
    log = pl.DataFrame(
        {"step": [0, 1, 2], "tokens": [10, 20, 30], "loss": [3.0, None, 2.0], "rate": [0.1] * 3}
    )
    _, bottom = schedule_and_loss([("skipping", log)]).axes
    pale, smooth = bottom.lines
    assert list(pale.get_xdata()) == [10, 30]
    assert np.isfinite(smooth.get_ydata()).all()


def test_losses_lie_where_they_were_measured(data: ReportData) -> None:
    left, right = losses_by_domain(data.losses).axes
    drawn = sorted(
        float(line.get_xdata()[0])
        for line in lines(left, GREY)
        if line.get_marker() == "o" and len(line.get_xdata())
    )
    base = data.losses.filter(checkpoint="base")["loss"]
    assert drawn == pytest.approx(sorted(base.to_list()))
    changes = [
        float(line.get_xdata()[0]) for line in lines(right, BLUE) if len(line.get_xdata()) == 1
    ]
    assert changes == pytest.approx([-0.52, -0.71, -0.19, -0.14, -0.31, -0.22])
    assert [label.get_text() for label in left.get_yticklabels()] == data.losses["domain"].unique(
        maintain_order=True
    ).to_list()


def test_a_missing_loss_leaves_a_gap_and_no_error(data: ReportData) -> None:
    holes = data.losses.with_columns(
        loss=pl.when(pl.col("domain") == "qa").then(None).otherwise("loss")
    )
    assert "qa" in figure_svg(losses_by_domain(holes))


def test_positions_are_drawn_with_the_trained_lengths(data: ReportData) -> None:
    made = positions(data.positions, data.trained_lengths)
    (axes,) = made.axes
    assert axes.get_xlim() == (0, 1024)
    base = lines(axes, GREY)[0]
    assert list(base.get_xdata()) == list(range(0, 1024, 64))
    svg = figure_svg(made)
    assert "base, annealed: trained to 512" in svg
    assert "extended: trained to 1,024" in svg
    assert "trained to" not in figure_svg(positions(data.positions))


def test_long_logs_are_averaged_and_short_ones_kept() -> None:
    x = np.arange(10_000, dtype=float)
    thin_x, thin_y = training_plots.thinned(x, 2 * x)
    assert len(thin_x) == training_plots.POINTS
    assert thin_x.mean() == pytest.approx(x.mean(), rel=1e-3)
    np.testing.assert_allclose(thin_y, 2 * thin_x)
    assert training_plots.thinned(x[:5], x[:5])[0].tolist() == [0, 1, 2, 3, 4]


def test_the_running_mean_is_centred_and_keeps_a_line() -> None:
    line = np.linspace(3, 2, 400)
    np.testing.assert_allclose(training_plots.running_mean(line), line)
    spike = np.zeros(400)
    spike[200] = 11.0
    smooth = training_plots.running_mean(spike)
    assert smooth.argmax() == 195  # the first of eleven equal means around step 200
    assert smooth.max() == pytest.approx(1.0)
