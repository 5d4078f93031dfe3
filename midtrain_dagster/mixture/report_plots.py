"""Figures of mixtures that were found in the graph: how often quality is read, what is proposed,
how well a law predicts, how weights moved."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from midtrain_dagster.display.numbers import share
from midtrain_dagster.display.style import (
    AMBER,
    BLUE,
    GREY,
    INK,
    MUTED,
    RULE,
    category_colours,
    figure,
    house_style,
    label_lines,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 4
"""Panels that stand beside one another."""

NARROW = 0.06
"""Of the percentiles: a band that is no wider has no room for its number."""

ROOM = 0.12
"""Of the height of axes: what a number inside a step needs below it."""

BOUNDS, LASTS = "floor and ceiling", "as far as its tokens last"

NOTE: Mapping[str, Any] = {"textcoords": "offset points", "fontsize": 7.5}


def repetition(curve: pl.DataFrame) -> "Figure":
    """How often each domain's text is read, by the percentile of its quality: a step a band.

    ``curve`` has the schema ``methods.quality_curve.CURVE``, with at least one row.
    """
    domains = curve.partition_by("domain", maintain_order=True)
    highest = float(np.max(curve.select("cap", "repetition").to_numpy()))
    with house_style():
        made, every = panels(len(domains), 2.3, min(COLUMNS, len(domains)), sharey=True)
        every[0].set_ylim(0, 1.15 * highest)
        for axes, table in zip(every, domains, strict=True):
            _steps(axes, table, 1.15 * highest)
        for axes in every[::COLUMNS]:
            axes.set_ylabel("times read")
    return made


def _steps(axes: "Axes", table: pl.DataFrame, height: float) -> None:
    """One domain's bands as steps, with the cap above them."""
    edges = np.append(table["begin"].to_numpy(), table["end"].to_numpy()[-1])
    read, cap = table["repetition"].to_numpy(), table["cap"][0]
    axes.stairs(read, edges, fill=True, color=BLUE, alpha=0.22, lw=0)
    axes.stairs(read, edges, color=BLUE, lw=1.4, baseline=None)
    axes.axhline(cap, color=MUTED, lw=0.9, ls=(0, (4, 2)))
    axes.annotate(f"at most {cap:g}", (0, cap), xytext=(3, 3), color=MUTED, **NOTE)
    for row in table.iter_rows(named=True):
        if row["end"] - row["begin"] > NARROW:
            inside = row["repetition"] > ROOM * height
            axes.annotate(
                f"{row['repetition']:.1f}",
                ((row["begin"] + row["end"]) / 2, row["repetition"]),
                xytext=(0, -4 if inside else 3),
                ha="center",
                va="top" if inside else "bottom",
                color=INK,
                **NOTE,
            )
    axes.set_xlim(0, 1)
    axes.set_title(table["domain"][0])
    axes.set_xlabel("percentile of quality, by tokens")
    axes.xaxis.set_major_formatter(lambda value, _: share(value))
    axes.grid(axis="y")


def proposed_shares(proposal: pl.DataFrame) -> "Figure":
    """Each domain's share as proposed, below its prior, between its floor and its ceiling.

    ``proposal`` has ``domain``, ``prior``, ``share``, ``floor``, ``ceiling`` and ``cap`` (shares of
    1; null: there is none) and ``frozen``, a row a domain.
    """
    largest = float(np.max(proposal.select("prior", "share").to_numpy()))
    with house_style():
        made, axes = figure(0.95 + 0.46 * proposal.height)
        end = min(1.0, 1.25 * largest)
        for row, each in enumerate(proposal.iter_rows(named=True)):
            for name, y, colour in (("prior", row - 0.19, GREY), ("share", row + 0.19, BLUE)):
                axes.barh(y, each[name], height=0.32, color=colour, lw=0)
                axes.annotate(
                    share(each[name]),
                    (each[name], y),
                    xytext=(4, 0),
                    va="center",
                    color=INK,
                    **NOTE,
                )
            _bounds(axes, row, each, end)
        names = [
            f"{each['domain']} (frozen)" if each["frozen"] else each["domain"]
            for each in proposal.iter_rows(named=True)
        ]
        axes.set_ylim(proposal.height - 0.4, -0.6)
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(axis="y", labelcolor=INK, labelsize=9)
        axes.set_xlim(0, end)
        axes.xaxis.set_major_formatter(lambda value, _: share(value))
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.set_title("Share of tokens by domain")
        for label, colour in (("prior", GREY), ("proposed", BLUE)):
            axes.barh(0, 0, color=colour, label=label)
        for label, colour in ((BOUNDS, INK), (LASTS, AMBER)):
            if any(line.get_color() == colour for line in axes.lines):
                axes.plot([], [], color=colour, label=label)
        made.legend(loc="outside lower left", ncols=4, handlelength=1.4)
    return made


def _bounds(axes: "Axes", row: int, each: Mapping[str, Any], end: float) -> None:
    """The floor and the ceiling of a domain as a bracket, and the share at which its tokens end."""
    low, high, y = each["floor"] or 0.0, each["ceiling"], row + 0.41
    high = 1.0 if high is None else high
    if low > 0 or high < 1:
        axes.plot([low, min(high, end)], [y, y], color=INK, lw=1.2, solid_capstyle="butt")
        for place in (low, high):
            if place <= end:
                axes.plot([place, place], [y - 0.07, y + 0.07], color=INK, lw=1.2)
    if each["cap"] is not None and each["cap"] <= end:
        axes.plot([each["cap"]] * 2, [y - 0.1, y + 0.1], color=AMBER, lw=2.6)


def predicted(
    measured: pl.DataFrame, units: Mapping[str, str], notes: Mapping[str, str]
) -> "Figure":
    """What a law predicts of proxies that it has not seen, over what was measured, by target.

    ``measured`` has ``target``, ``measured`` and ``predicted``; ``units`` and ``notes`` (what to
    say of the error) are by target.
    """
    targets = measured.partition_by("target", maintain_order=True)
    with house_style():
        made, every = panels(len(targets), 2.5)
        for axes, table in zip(every, targets, strict=True):
            target = table["target"][0]
            pairs = table.select("measured", "predicted").to_numpy()
            low, high = float(pairs.min()), float(pairs.max())
            edge = 0.06 * (high - low) or 0.01
            low, high = low - edge, high + edge
            axes.plot([low, high], [low, high], color=RULE, lw=1.2, zorder=1)
            axes.scatter(pairs[:, 0], pairs[:, 1], s=14, color=BLUE, alpha=0.65, lw=0, zorder=2)
            axes.set_xlim(low, high)
            axes.set_ylim(low, high)
            axes.set_aspect("equal")
            axes.locator_params(nbins=5)
            axes.set_title(target, pad=27)
            axes.set_xlabel(f"measured, {units[target]}")
            # Above the panel: inside, some point of a poor law lies under any corner.
            axes.annotate(
                notes[target],
                (0, 1),
                xycoords="axes fraction",
                xytext=(0, 4),
                va="bottom",
                color=MUTED,
                **NOTE,
            )
        for axes in every[::COLUMNS]:
            axes.set_ylabel("predicted")
    return made


def weights_by_step(steps: pl.DataFrame) -> "Figure":
    """The weights of domains after each step of a training, and their means dashed.

    ``steps`` has ``step``, ``domain`` and ``weight`` (of 1), a row a step and domain.
    """
    domains = steps["domain"].unique(maintain_order=True).to_list()
    colours = category_colours(domains)
    with house_style():
        made, axes = figure(2.6)
        ends = []
        for (name,), table in steps.group_by("domain", maintain_order=True):
            domain, weight = str(name), table["weight"].to_numpy()
            axes.plot(table["step"], weight, color=colours[domain])
            axes.axhline(weight.mean(), color=colours[domain], lw=1.0, ls=(0, (4, 2)), alpha=0.8)
            ends.append(
                (f"{domain}, mean {share(weight.mean())}", float(weight[-1]), colours[domain])
            )
        axes.set_xlim(0, max(1, int(steps["step"].to_numpy().max())))
        axes.set_ylim(bottom=0)
        axes.set_title("Weight of each domain after each step; the mean, dashed, is its share")
        axes.set_xlabel("step")
        axes.yaxis.set_major_formatter(lambda value, _: share(value))
        axes.grid(axis="y")
        label_lines(axes, ends, gap=0.09)
    return made


def panels(
    count: int, height: float, columns: int = COLUMNS, **grid: Any
) -> "tuple[Figure, list[Axes]]":
    """A page-wide figure of so many panels, each of ``height`` inches, so many beside one another;
    what is left of the last row is empty."""
    rows = -(-count // columns)
    made, axes = figure(0.4 + height * rows, rows, columns, squeeze=False, **grid)
    every = list(axes.flat)
    for empty in every[count:]:
        empty.set_visible(False)
    return made, every[:count]
