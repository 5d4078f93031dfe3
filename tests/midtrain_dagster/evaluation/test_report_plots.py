"""Figures of the finished run of the tiny recipe lie where its tables say."""

from typing import Any

import polars as pl
import pytest

from midtrain_dagster.display.style import AMBER, BLUE, GREY, PAPER, figure_svg
from midtrain_dagster.evaluation.report_plots import losses_by_domain, positions

LENGTHS = {"base": 64, "annealed": 64, "annealed/control": 64, "extended": 256}


def lines(axes: Any, colour: str) -> list[Any]:
    return [line for line in axes.lines if line.get_color() == colour]


def points(axes: Any, colour: str) -> list[float]:
    return [
        float(line.get_xdata()[0])
        for line in lines(axes, colour)
        if line.get_marker() in ("o", "D") and len(line.get_xdata()) == 1
    ]


def test_losses_lie_where_they_were_measured(tiny_run: Any) -> None:
    losses = tiny_run["held_out_losses"].read("losses")
    left, right = losses_by_domain(losses).axes
    of = {name: losses.filter(checkpoint=name)["loss"] for name in LENGTHS}
    for name, colour in (("base", GREY), ("annealed", BLUE), ("annealed/control", AMBER)):
        assert points(left, colour) == pytest.approx(of[name].to_list())
    assert points(right, BLUE) == pytest.approx((of["annealed"] - of["base"]).to_list())
    domains = losses["domain"].unique(maintain_order=True).to_list()
    assert [label.get_text() for label in left.get_yticklabels()] == domains
    assert "annealed control" in figure_svg(left.figure)
    controls = [line for line in lines(left, AMBER) if line.get_marker() == "D"]
    assert controls and all(line.get_markerfacecolor() == PAPER for line in controls)


def test_a_checkpoint_that_lacks_a_domain_is_drawn_without_it(tiny_run: Any) -> None:
    losses = tiny_run["held_out_losses"].read("losses")
    lacking = losses.filter(~((pl.col("checkpoint") == "base") & (pl.col("domain") == "web")))
    left, right = losses_by_domain(lacking).axes
    assert len(points(left, GREY)) == len(points(right, BLUE)) == 2


def test_buckets_of_positions_are_drawn_at_their_middle(tiny_run: Any) -> None:
    losses = tiny_run["held_out_losses"].read("positions")
    (axes,) = positions(losses, LENGTHS).axes
    base = losses.filter(checkpoint="base")
    (drawn, *_) = lines(axes, GREY)
    assert list(drawn.get_xdata()) == [first + 32 for first in base["position"]]
    assert list(drawn.get_ydata()) == base["loss"].to_list()
    assert axes.get_xlim() == (0, 256)
    svg = figure_svg(axes.figure)
    assert "base, annealed: trained to 64" in svg and "extended: trained to 256" in svg
    (control,) = [line for line in lines(axes, AMBER) if line.get_marker() == "D"]
    assert control.get_linestyle() == "--"
    words = [text for text in axes.texts if "trained to" in text.get_text()]
    assert all(text.get_va() == "bottom" and text.xy[1] == 1 for text in words), "above the curves"


def test_a_single_bucket_is_drawn(tiny_run: Any) -> None:
    losses = tiny_run["held_out_losses"].read("positions").filter(position=0)
    assert "<svg" in figure_svg(positions(losses))


def test_a_window_beyond_the_last_position_is_named_at_the_edge(
    tiny_run: Any, recwarn: pytest.WarningsRecorder
) -> None:
    """Where it lies, its name would leave no room for the curves."""
    made: Any = positions(tiny_run["held_out_losses"].read("positions"), {"base": 8192})
    assert "base: trained to 8,192" in figure_svg(made)
    (axes,) = made.axes
    (name,) = [text for text in axes.texts if "trained to" in text.get_text()]
    assert name.xy == (256, 1.0)
    assert [str(each.message) for each in recwarn] == []
