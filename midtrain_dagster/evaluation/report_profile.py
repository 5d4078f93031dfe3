"""The profile by ability as a dot plot: abilities by checkpoints, with what guessing reaches."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from midtrain_dagster.display.blocks import Block, Figure, Heading
from midtrain_dagster.display.style import (
    INK,
    MUTED,
    RULE,
    checkpoint_looks,
    figure,
    house_style,
)
from midtrain_dagster.display.words import before_tuning, is_seed, spoken
from midtrain_dagster.evaluation import profile as profiles
from midtrain_dagster.evaluation.method import ACCURACY, BITS
from midtrain_dagster.evaluation.profile import NOT_SAID

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

VERSION = 1
USES = (profiles,)

TITLES = {ACCURACY: "Accuracy, %", BITS: "Bits per byte of answers (left is better)"}

NAMED = 3
"""Benchmarks of an ability that are named below it; more are counted."""

CAPTION = (
    "The mean over an ability's benchmarks, which are named below it, with two standard errors "
    "over their items either way. The grey mark is what guessing reaches. An ability is what the "
    "benchmark's preset, or the recipe (`ability`), says that it measures"
)


def profile_blocks(profile: pl.DataFrame) -> list[Block]:
    """The profile (``profile.PROFILE``); nothing where no figure is shared by all checkpoints."""
    if profile.is_empty():
        return []
    names = profile.filter(ability=NOT_SAID)["benchmarks"].explode().unique(maintain_order=True)
    unsaid = f"; of {', '.join(names)} neither does: the last row is theirs" if len(names) else ""
    seeds = profile["checkpoint"].unique(maintain_order=True).to_list()
    hidden = sum(map(_is_further_seed, seeds))
    left_out = f" Further seeds ({hidden}) are left out." if hidden else ""
    caption = f"{CAPTION}{unsaid}.{left_out}"
    return [Heading("By ability"), Figure("profile", draw(profile), caption)]


def draw(profile: pl.DataFrame) -> "Drawing":
    """A panel for accuracies and one for bits per byte, as far as there are some."""
    every = profile["checkpoint"].unique(maintain_order=True).to_list()
    looks = checkpoint_looks(every)
    checkpoints = [name for name in every if not _is_further_seed(name)]
    abilities = profile["ability"].unique(maintain_order=True).to_list()
    units = [unit for unit in TITLES if unit in set(profile["unit"])]
    rows = profile.rows_by_key(("ability", "checkpoint", "unit"), named=True, unique=True)
    offsets = np.linspace(0.3, -0.3, len(checkpoints))[::-1] if len(checkpoints) > 1 else [0.0]
    height = 0.9 + len(abilities) * max(0.62, 0.11 * len(checkpoints))
    with house_style():
        made, grid = figure(height, 1, len(units), sharey=True, squeeze=False)
        for axes, unit in zip(grid[0], units, strict=True):
            scale = 100 if unit == ACCURACY else 1
            for place, ability in enumerate(abilities):
                there = [rows[key] for name in every if (key := (ability, name, unit)) in rows]
                _what_of(axes, place, there, profile.filter(ability=ability))
                for name, offset in zip(checkpoints, offsets, strict=True):
                    row, look = rows.get((ability, name, unit)), looks[name]
                    if row is None:
                        continue
                    axes.errorbar(
                        scale * row["value"],
                        place + offset,
                        xerr=scale * 2 * (row["stderr"] or 0.0),
                        linestyle="none",
                        elinewidth=1.1,
                        marker=look.marker,
                        ms=5,
                        color=look.colour,
                        markerfacecolor=look.face,
                    )
                chance = there[0]["chance"] if there else None
                if chance is not None:
                    axes.vlines(scale * chance, place - 0.42, place + 0.42, color=MUTED, lw=1.6)
            axes.set_title(TITLES[unit])
            axes.set_ylim(len(abilities) - 0.5, -0.5)
            axes.set_yticks(range(len(abilities)), [_label(profile, each) for each in abilities])
            axes.tick_params(axis="y", labelcolor=INK, labelsize=8.5)
            for label in axes.get_yticklabels():
                label.set_multialignment("right")
            axes.margins(x=0.08)
            axes.grid(axis="x")
            for edge in range(1, len(abilities)):
                axes.axhline(edge - 0.5, color=RULE, lw=0.6)
        first = grid[0][0]
        for name in checkpoints:
            look = looks[name]
            first.plot(
                [],
                [],
                linestyle="none",
                marker=look.marker,
                ms=5,
                color=look.colour,
                markerfacecolor=look.face,
                label=spoken(name),
            )
        if ACCURACY in units:
            first.plot([], [], color=MUTED, lw=1.6, label="chance")
        made.legend(loc="outside lower left", ncols=min(len(checkpoints) + 1, 6))
    return made


def _label(profile: pl.DataFrame, ability: str) -> str:
    """An ability, its benchmarks and how many items were asked of them."""
    rows = profile.filter(ability=ability)
    names = rows["benchmarks"].explode().unique(maintain_order=True).to_list()
    named = ", ".join(names) if len(names) <= NAMED else f"{len(names)} benchmarks"
    items = max(rows["items"].to_list())
    return f"{ability}\n{named}\n{items:,} items"


def _what_of(axes: Any, place: int, there: Sequence[Any], of_ability: pl.DataFrame) -> None:
    """Say where a panel has nothing of an ability, or not all of its benchmarks."""
    names = of_ability["benchmarks"].explode().unique(maintain_order=True).to_list()
    shown = there[0]["benchmarks"] if there else []
    if len(shown) == len(names):
        return
    words = f"of {', '.join(shown)}" if shown else "answers are weighed, none is right or wrong"
    axes.annotate(
        words,
        (0.99, place + 0.46) if shown else (0.02, place),
        xycoords=("axes fraction", "data"),
        ha="right" if shown else "left",
        va="bottom" if shown else "center",
        color=MUTED,
        fontsize=7.5,
    )


def _is_further_seed(checkpoint: str) -> bool:
    return is_seed(before_tuning(checkpoint))
