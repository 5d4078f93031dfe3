"""The profile of the finished run of the tiny recipe lies where its scores say."""

from typing import Any

import polars as pl
import pytest

from assets.report import measurements
from midtrain_dagster.display.blocks import Figure
from midtrain_dagster.display.style import BLUE, MUTED, figure_svg
from midtrain_dagster.evaluation.profile import profile
from midtrain_dagster.evaluation.report_profile import draw, profile_blocks


@pytest.fixture(scope="module")
def scores(tiny_run: Any) -> pl.DataFrame:
    return measurements(tiny_run.recipe, tiny_run["report"]).scores


def test_dots_lie_at_their_values_and_chance_is_marked(scores: pl.DataFrame) -> None:
    accuracies, bits = draw(profile(scores, {"hellaswag": "general reasoning"})).axes
    for axes, metric, scale in ((accuracies, "acc_norm", 100), (bits, "bits_per_byte", 1)):
        of = scores.filter(metric=metric, checkpoint="annealed").row(0, named=True)
        drawn = [line for line in axes.lines if line.get_color() == BLUE and len(line.get_xdata())]
        assert [float(line.get_xdata()[0]) for line in drawn] == [
            pytest.approx(scale * of["value"])
        ]
    (chance,) = [
        each for each in accuracies.collections if tuple(each.get_colors()[0][:3]) == _rgb(MUTED)
    ]
    assert chance.get_segments()[0][0][0] == pytest.approx(25.0)
    (label,) = accuracies.get_yticklabels()
    assert label.get_text() == f"general reasoning\nhellaswag\n{scores['items'][0]} items"


def _rgb(colour: str) -> tuple[float, ...]:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)


def test_what_has_no_accuracy_and_what_has_no_ability_is_said(scores: pl.DataFrame) -> None:
    weighed = scores.filter(metric="bits_per_byte").with_columns(benchmark=pl.lit("weighed"))
    both = pl.concat([scores, weighed])
    found = profile(both, {"hellaswag": "reasoning", "weighed": None})
    _, block = profile_blocks(found)
    assert isinstance(block, Figure)
    assert "of weighed neither does: the last row is theirs" in str(block.caption)
    svg = figure_svg(block.drawing)
    assert "answers are weighed, none is right or wrong" in svg
    together = profile(both, {"hellaswag": "reasoning", "weighed": "reasoning"})
    assert ">of hellaswag<" in figure_svg(draw(together))


def test_further_seeds_are_left_out_and_counted(scores: pl.DataFrame) -> None:
    seed = scores.filter(checkpoint="annealed").with_columns(checkpoint=pl.lit("annealed/seed_8"))
    found = profile(pl.concat([scores, seed]), {"hellaswag": "reasoning"})
    _, block = profile_blocks(found)
    assert isinstance(block, Figure)
    assert "Further seeds (1) are left out." in str(block.caption)
    assert "seed 8" not in figure_svg(block.drawing)


def test_no_score_no_profile(scores: pl.DataFrame) -> None:
    assert profile_blocks(profile(scores.clear(), {})) == []
