"""Learning curves over milestones: held-out losses, and each benchmark's figures, over tokens."""

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from midtrain_dagster.display.blocks import Block, Figure, Heading
from midtrain_dagster.display.numbers import count
from midtrain_dagster.display.style import (
    INK,
    MUTED,
    checkpoint_looks,
    figure,
    house_style,
)
from midtrain_dagster.display.words import spoken
from midtrain_dagster.evaluation.method import ACCURACY, BITS
from midtrain_dagster.evaluation.report_matrix import measures

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

VERSION = 1

ACROSS = 3
"""Panels beside one another."""

BESIDE = 6
"""Runs that are named in a row of the legend."""

WHAT = (
    "Each point is a milestone, the band two standard errors either way; a run begins with what it "
    "starts from and ends with its checkpoint. Tokens are those of the run itself, from 0."
)
LOSSES = f"Held-out loss by domain as each run goes on. {WHAT} Falling is better."
SCORES = (
    f"Each benchmark's figure, and the bits per byte of its answers (falling is better). {WHAT} "
    "The dotted line is what guessing reaches. All points are of the same items, so changes along "
    "a curve are surer than its band suggests."
)


class Panel(NamedTuple):
    """One panel: its title, the points, and what guessing reaches."""

    title: str
    points: pl.DataFrame
    """With columns run, tokens, value, stderr."""
    chance: float | None = None


def curves_blocks(scores: pl.DataFrame, checkpoints: Sequence[str]) -> list[Block]:
    """Of benchmarks (``learning_curves.CURVES``); nothing where no milestone was asked.
    ``checkpoints`` are those of the recipe, by which looks go."""
    panels = [_panel(scores, *measure) for measure in measures(scores)]
    if not panels:
        return []
    drawn = Figure("learning-curves", draw(panels, checkpoints), SCORES)
    return [Heading("On the way: milestones"), drawn]


def loss_curves_blocks(losses: pl.DataFrame, checkpoints: Sequence[str]) -> list[Block]:
    """The same of held-out losses (``learning_curves.LOSS_CURVES``)."""
    panels = [
        Panel(f"{domain}, nats per token", part.rename({"loss": "value"}))
        for (domain,), part in losses.group_by("domain", maintain_order=True)
    ]
    return [Figure("loss-curves", draw(panels, checkpoints), LOSSES)] if panels else []


def _panel(scores: pl.DataFrame, benchmark: str, metric: str, unit: str) -> Panel:
    points = scores.filter(
        pl.col("benchmark") == benchmark, pl.col("metric") == metric, pl.col("value").is_not_null()
    )
    scale = 100 if unit == ACCURACY else 1
    words = f"{metric}, %" if unit == ACCURACY else "bits per byte" if unit == BITS else unit
    known = points["chance"].drop_nulls()
    return Panel(
        f"{benchmark}: {words}",
        points.with_columns(pl.col("value", "stderr") * scale),
        scale * float(known[0]) if known.len() else None,
    )


def draw(panels: Sequence[Panel], checkpoints: Sequence[str]) -> "Drawing":
    """Panels of curves, a line a run, in the looks of its checkpoint."""
    from matplotlib.ticker import MaxNLocator

    across = min(ACROSS, len(panels))
    down = ceil(len(panels) / across)
    looks = checkpoint_looks(checkpoints)
    runs = [name for name in checkpoints if any(name in set(each.points["run"]) for each in panels)]
    with house_style():
        made, grid = figure(0.6 + 2.2 * down, down, across, squeeze=False)
        every = grid.flatten()
        for axes, panel in zip(every, panels, strict=False):
            for run in runs:
                points = panel.points.filter(pl.col("run") == run).sort("tokens")
                if points.height:
                    look = looks[run]
                    tokens, value = points["tokens"].to_numpy(), points["value"].to_numpy()
                    error = 2 * points["stderr"].fill_null(0.0).to_numpy()
                    axes.fill_between(
                        tokens, value - error, value + error, color=look.colour, alpha=0.1, lw=0
                    )
                    axes.plot(
                        tokens,
                        value,
                        color=look.colour,
                        linestyle=look.line,
                        marker=look.marker,
                        ms=4,
                        markerfacecolor=look.face,
                    )
            if panel.chance is not None:
                axes.axhline(panel.chance, color=MUTED, lw=1.1, linestyle=(0, (1, 2)))
            axes.set_title(panel.title)
            axes.set_xlabel("tokens of the run")
            axes.grid(axis="y")
            axes.margins(x=0.04, y=0.1)
            if panel.points["value"].n_unique() == 1 and not panel.points["stderr"].sum():
                flat = float(panel.points["value"][0])
                axes.set_ylim(flat - 0.5, flat + 0.5)  # no smaller: a change of nothing is none
            axes.tick_params(axis="y", labelcolor=INK)
            axes.xaxis.set_major_locator(MaxNLocator(5))
            axes.xaxis.set_major_formatter(lambda value, _: count(value))
        for axes in every[len(panels) :]:
            axes.set_axis_off()
        for run in runs:
            look = looks[run]
            every[0].plot(
                [],
                [],
                color=look.colour,
                linestyle=look.line,
                marker=look.marker,
                ms=4,
                markerfacecolor=look.face,
                label=spoken(run),
            )
        made.legend(loc="outside lower left", ncols=min(len(runs), BESIDE), handlelength=3)
    return made
