"""Figures of experiments: what proxies lost on which mixture."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from midtrain_dagster.display.numbers import share
from midtrain_dagster.display.style import (
    BAND,
    BLUE,
    INK,
    PAPER,
    RULE,
    VERMILION,
    figure,
    house_style,
)
from midtrain_dagster.mixture.report_plots import NOTE, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 3**0.5 / 2]])
"""Of the triangle in which three shares are a point."""

TRIANGLES = 3
"""Panels that stand beside one another."""

MOST_DOMAINS = 6
"""Of a plot of pairs; with more, those whose shares differ most."""

MARKERS = ("D", "*", "s", "^")
"""Of mixtures that stand out, by their order; the prior is the first."""

Floats = NDArray[np.float64]


def proxies_by_mixture(
    mixtures: pl.DataFrame,
    losses: pl.DataFrame,
    marked: Mapping[str, Mapping[str, float]] | None = None,
) -> "Figure":
    """Every proxy at its shares, in the colour of its loss.

    Three domains are a triangle a target; two a line; more are a square for each pair of domains,
    in the colour of the first target. ``mixtures`` has ``proxy``, ``domain`` and ``share``,
    ``losses`` has ``proxy``, ``target``, ``value`` and ``unit``. ``marked`` are mixtures that stand
    out, by what they are called.
    """
    domains = mixtures["domain"].unique(maintain_order=True).to_list()
    shares = mixtures.pivot("domain", index="proxy", values="share")
    known = losses.drop_nulls("value")
    tables = [
        table.join(shares, on="proxy")
        for table in known.partition_by("target", maintain_order=True)
    ]
    if len(domains) == 2:
        return _lines(tables, domains, marked or {})
    if len(domains) == 3:
        return _triangles(tables, domains, marked or {})
    return _pairs(tables[0], domains, marked or {})


def _triangles(
    tables: Sequence[pl.DataFrame],
    domains: Sequence[str],
    marked: Mapping[str, Mapping[str, float]],
) -> "Figure":
    with house_style():
        made, every = panels(len(tables), 3.1, TRIANGLES)
        for axes, table in zip(every, tables, strict=True):
            axes.fill(*CORNERS.T, facecolor=BAND, edgecolor=RULE, lw=0.9, zorder=0)
            for part in (0.25, 0.5, 0.75):
                for one, two, three in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
                    ends = CORNERS[one] * part + CORNERS[[two, three]] * (1 - part)
                    axes.plot(*ends.T, color=RULE, lw=0.5, zorder=0)
            places = table.select(domains).to_numpy() @ CORNERS
            _coloured(made, axes, places, table)
            for name, marker in zip(marked, MARKERS, strict=False):
                point = np.array([marked[name].get(each, 0.0) for each in domains]) @ CORNERS
                _mark(axes, point, marker)
            # Left-hand names begin at their corner, so that none leaves the panel.
            for corner, name, side, up in zip(
                CORNERS, domains, ("left", "right", "center"), (-1, -1, 1), strict=True
            ):
                axes.annotate(
                    name,
                    tuple(corner),
                    xytext=(0, 5 * up),
                    ha=side,
                    va="bottom" if up > 0 else "top",
                    color=INK,
                    **NOTE,
                )
            axes.set_xlim(-0.04, 1.04)
            axes.set_ylim(-0.14, 1.0)
            axes.set_aspect("equal")
            axes.set_axis_off()
        _legend(made, every[0], marked)
    return made


def _lines(
    tables: Sequence[pl.DataFrame],
    domains: Sequence[str],
    marked: Mapping[str, Mapping[str, float]],
) -> "Figure":
    with house_style():
        made, every = panels(len(tables), 2.2, TRIANGLES)
        for axes, table in zip(every, tables, strict=True):
            axes.scatter(table[domains[0]], table["value"], s=14, color=BLUE, alpha=0.65, lw=0)
            for name, line in zip(marked, ("solid", "dashed", "dotted"), strict=False):
                axes.axvline(marked[name].get(domains[0], 0.0), color=INK, lw=1.1, ls=line)
            axes.set_title(f"{table['target'][0]}, {table['unit'][0]}")
            axes.set_xlabel(f"share of {domains[0]}")
            axes.xaxis.set_major_formatter(lambda value, _: share(value))
            axes.grid(axis="y")
        for name, line in zip(marked, ("solid", "dashed", "dotted"), strict=False):
            every[0].plot([], [], color=INK, lw=1.1, ls=line, label=name)
        if marked:
            made.legend(loc="outside lower left", ncols=len(marked))
    return made


def _pairs(
    table: pl.DataFrame, domains: Sequence[str], marked: Mapping[str, Mapping[str, float]]
) -> "Figure":
    spread = {name: float(np.std(table[name].to_numpy())) for name in domains}
    widest = sorted(domains, key=lambda name: -spread[name])[:MOST_DOMAINS]
    shown = [name for name in domains if name in widest]
    size = len(shown) - 1
    with house_style():
        made, grid = figure(0.7 + 1.5 * size, size, size, squeeze=False)
        for row, column in np.ndindex(size, size):
            axes, across, up = grid[row, column], shown[column], shown[row + 1]
            if column > row:
                axes.set_visible(False)
                continue
            drawn = _points(axes, table.select(across, up).to_numpy(), table["value"].to_numpy())
            for name, marker in zip(marked, MARKERS, strict=False):
                _mark(
                    axes, np.array([marked[name].get(each, 0.0) for each in (across, up)]), marker
                )
            # The same ends for a domain wherever it stands, and room for whole discs.
            axes.set_xlim(*_ends(table[across]))
            axes.set_ylim(*_ends(table[up]))
            axes.locator_params(nbins=4)
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(lambda value, _: share(value))
            axes.tick_params(labelbottom=row == size - 1, labelleft=column == 0, labelsize=7)
            axes.set_xlabel(across if row == size - 1 else "", color=INK)
            axes.set_ylabel(up if column == 0 else "", color=INK)
        free = grid[0, -1] if size > 1 else grid[0, 0]
        bar = made.colorbar(drawn, ax=[*grid.flat], shrink=0.5, aspect=18, pad=0.01)
        bar.outline.set_visible(False)
        bar.set_label(table["unit"][0])
        made.suptitle(
            f"{table['target'][0]} by the shares of each pair of domains",
            x=0.01,
            ha="left",
            fontsize=9,
            weight="bold",
        )
        _legend(made, free, marked)
    return made


def _ends(shares: pl.Series) -> tuple[float, float]:
    high = float(shares.to_numpy().max())
    return -0.05 * high, 1.08 * high


def _coloured(made: "Figure", axes: "Axes", places: Floats, table: pl.DataFrame) -> None:
    """Proxies in the colours of their losses, with a bar that says what those are."""
    from matplotlib.ticker import MaxNLocator

    drawn = _points(axes, places, table["value"].to_numpy())
    bar = made.colorbar(drawn, ax=axes, orientation="horizontal", shrink=0.7, aspect=24, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, size=0)
    bar.locator = MaxNLocator(4)
    bar.update_ticks()
    bar.set_label(table["unit"][0], fontsize=7.5)
    axes.set_title(table["target"][0], pad=12, loc="center")


def _points(axes: "Axes", places: Floats, values: Floats) -> Any:
    """The best (lowest) are drawn last and darkest."""
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("loss", ["#0b2c4a", BLUE, "#8fc1e3", "#e6d3b1"])
    order = np.argsort(-values)
    return axes.scatter(
        places[order, 0],
        places[order, 1],
        c=values[order],
        cmap=colours,
        s=20,
        edgecolors=PAPER,
        linewidths=0.4,
        zorder=2,
    )


def _mark(axes: "Axes", place: Floats, marker: str) -> None:
    size = 110 if marker == "*" else 42
    axes.scatter(
        place[0],
        place[1],
        marker=marker,
        s=size,
        facecolor=PAPER,
        edgecolor=VERMILION,
        lw=1.3,
        zorder=3,
    )


def _legend(made: "Figure", axes: "Axes", marked: Mapping[str, Any]) -> None:
    for name, marker in zip(marked, MARKERS, strict=False):
        axes.scatter(
            [], [], marker=marker, s=60, facecolor=PAPER, edgecolor=VERMILION, lw=1.3, label=name
        )
    if marked:
        made.legend(loc="outside lower left", ncols=len(marked))
