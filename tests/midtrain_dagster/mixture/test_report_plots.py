"""Figures of found mixtures: what is drawn lies where the tables say."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from matplotlib.collections import PathCollection

from midtrain_dagster.display.style import AMBER, figure_svg
from midtrain_dagster.mixture.methods.quality_curve import CURVE
from midtrain_dagster.mixture.proposal_tables import PROPOSAL
from midtrain_dagster.mixture.report_plots import (
    predicted,
    proposed_shares,
    repetition,
    weights_by_step,
)

BANDS = pl.DataFrame(
    [
        ("code", "code/1", 0.0, 1.0, 80, 0.5, 3.0),
        ("web", "web/1", 0.0, 0.4, 40, 0.0, 7.0),
        ("web", "web/2", 0.4, 1.0, 60, 5.5, 7.0),
    ],
    CURVE,
    orient="row",
)


def texts(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_repetition_is_a_step_a_band_below_the_cap() -> None:
    made = repetition(BANDS)
    code, web = made.axes
    assert [axes.get_title(loc="left") for axes in made.axes] == ["code", "web"]
    steps = web.patches[1].get_data()
    assert steps.values.tolist() == [0.0, 5.5] and steps.edges.tolist() == [0.0, 0.4, 1.0]
    assert [line.get_ydata()[0] for line in (*code.lines, *web.lines)] == [3.0, 7.0]
    assert texts(web) == ["at most 7", "0.0", "5.5"]
    assert figure_svg(made) == figure_svg(repetition(BANDS))


def test_proposal_stands_below_its_prior_between_its_bounds() -> None:
    rows = [
        ("web", 0.7, 0.4, 0.3, 1.0, 5.0, 4.0, False),
        ("code", 0.3, 0.6, 0.0, 0.6, 0.65, 4.0, True),
    ]
    made = proposed_shares(pl.DataFrame(rows, PROPOSAL, orient="row"))
    (axes,) = made.axes
    bars = [(bar.get_width(), bar.get_facecolor()) for bar in axes.patches[:4]]
    assert [width for width, _ in bars] == [0.7, 0.4, 0.3, 0.6]
    assert bars[0][1] != bars[1][1] and bars[0][1] == bars[2][1]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["web", "code (frozen)"]
    caps = [list(line.get_xdata()) for line in axes.lines if line.get_color() == AMBER]
    assert caps == [[0.65, 0.65], []]  # the other lies outside; the last is the legend's


def test_proposal_without_bounds_has_bars_alone() -> None:
    rows = [{"domain": name, "prior": 0.5, "share": 0.5, "frozen": False} for name in "ab"]
    (axes,) = proposed_shares(pl.DataFrame(rows, PROPOSAL)).axes
    assert not axes.lines


def test_predictions_lie_over_what_was_measured_on_equal_axes() -> None:
    rows = [("loss/web", 3.0, 3.1), ("loss/web", 4.0, 3.9), ("loss/code", 1.0, 1.0)]
    table = pl.DataFrame(rows, ["target", "measured", "predicted"], orient="row")
    named = {"loss/web": "nats a token", "loss/code": "nats a token"}
    made = predicted(table, named, dict.fromkeys(named, "Spearman 1.00"))
    web, code = (axes for axes in made.axes if axes.get_visible())
    (points,) = (each for each in web.collections if isinstance(each, PathCollection))
    assert np.asarray(points.get_offsets()).tolist() == [[3.0, 3.1], [4.0, 3.9]]
    assert web.get_xlim() == web.get_ylim() and code.get_xlim() == code.get_ylim()
    assert texts(web) == ["Spearman 1.00"]
    figure_svg(made)


def test_weights_are_lines_with_their_means() -> None:
    rows = [(0, "a", 0.5), (0, "b", 0.5), (1, "a", 0.9), (1, "b", 0.1)]
    table = pl.DataFrame(rows, ["step", "domain", "weight"], orient="row")
    (axes,) = weights_by_step(table).axes
    one, mean, *_ = axes.lines
    assert list(one.get_ydata()) == [0.5, 0.9]
    assert mean.get_ydata()[0] == pytest.approx(0.7)
    assert texts(axes) == ["b, mean 30%", "a, mean 70%"]
