"""Curves lie where a run's scores and losses say."""

from typing import Any

import polars as pl
import pytest

from assets.report import measurements
from midtrain_dagster.display.blocks import Figure
from midtrain_dagster.display.style import BLUE, MUTED, figure_svg
from midtrain_dagster.evaluation.learning_curves import CURVES, LOSS_CURVES, POINTS
from midtrain_dagster.evaluation.report_curves import curves_blocks, loss_curves_blocks

NAMES = ["base", "annealed", "annealed/control", "extended"]
ON_THE_WAY = pl.DataFrame(
    [
        ("base", "annealed", 0, 0),
        ("extended", "annealed", 4, 4096),
        ("annealed", "annealed", 8, 8192),
    ],
    schema=POINTS,
    orient="row",
)
"""As if the stage `extended` were a milestone of `annealed`."""


@pytest.fixture(scope="module")
def scores(tiny_run: Any) -> pl.DataFrame:
    found = measurements(tiny_run.recipe, tiny_run["report"]).scores
    return ON_THE_WAY.join(found, on="checkpoint").select(CURVES.names())


def test_each_figure_has_a_panel_with_a_line_a_run(scores: pl.DataFrame) -> None:
    _, block = curves_blocks(scores, NAMES)
    assert isinstance(block, Figure)
    axes = {each.get_title(loc="left"): each for each in block.drawing.axes}
    assert set(axes) == {"hellaswag: acc_norm, %", "hellaswag: bits per byte"}
    for title, metric, scale in (
        ("hellaswag: acc_norm, %", "acc_norm", 100),
        ("hellaswag: bits per byte", "bits_per_byte", 1),
    ):
        told = scores.filter(metric=metric).sort("tokens")
        (line,) = [
            each
            for each in axes[title].lines
            if each.get_color() == BLUE and len(each.get_xdata()) == 3
        ]
        assert list(line.get_xdata()) == told["tokens"].to_list()
        assert list(line.get_ydata()) == pytest.approx((scale * told["value"]).to_list())
        chance = [each for each in axes[title].lines if each.get_color() == MUTED]
        assert [float(each.get_ydata()[0]) for each in chance] == ([25.0] if scale == 100 else [])
    assert ">annealed<" in figure_svg(block.drawing)


def test_losses_have_a_panel_a_domain(tiny_run: Any) -> None:
    losses = tiny_run["held_out_losses"].read("losses")
    points = ON_THE_WAY.join(losses, on="checkpoint").select(LOSS_CURVES.names())
    (block,) = loss_curves_blocks(points, NAMES)
    assert isinstance(block, Figure)
    titles = [each.get_title(loc="left") for each in block.drawing.axes]
    domains = points["domain"].unique(maintain_order=True)
    assert titles == [f"{domain}, nats per token" for domain in domains]


def test_without_milestones_there_is_no_curve(scores: pl.DataFrame) -> None:
    assert curves_blocks(scores.clear(), NAMES) == []
    assert loss_curves_blocks(LOSS_CURVES.to_frame(), NAMES) == []
