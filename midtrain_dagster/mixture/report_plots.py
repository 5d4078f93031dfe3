"""Figures of mixtures that were found in the graph: how often quality is read."""

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from midtrain_dagster.display.numbers import share
from midtrain_dagster.display.style import (
    BLUE,
    INK,
    MUTED,
    figure,
    house_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 4
"""Domains that stand beside one another."""

NARROW = 0.06
"""Of the percentiles: a band that is no wider has no room for its number."""


def repetition(curve: pl.DataFrame) -> "Figure":
    """How often each domain's text is read, by the percentile of its quality: a step a band.

    ``curve`` has the schema ``methods.quality_curve.CURVE``, with at least one row.
    """
    domains = curve.partition_by("domain", maintain_order=True)
    columns = min(COLUMNS, len(domains))
    rows = -(-len(domains) // columns)
    with house_style():
        made, grid = figure(0.4 + 2.3 * rows, rows, columns, squeeze=False, sharey=True)
        every = list(grid.flat)
        for axes, table in zip(every, domains, strict=False):
            _steps(axes, table)
        for axes in every[len(domains) :]:
            axes.set_visible(False)
        highest = float(curve.select(pl.max_horizontal("cap", "repetition")).to_series().max())  # type: ignore[arg-type]
        every[0].set_ylim(0, 1.15 * highest)
        for row in grid:
            row[0].set_ylabel("times read")
    return made


def _steps(axes: "Axes", table: pl.DataFrame) -> None:
    """One domain's bands as steps, with the cap above them."""
    edges = np.append(table["begin"].to_numpy(), table["end"].to_numpy()[-1])
    axes.stairs(table["repetition"].to_numpy(), edges, fill=True, color=BLUE, alpha=0.25, lw=0)
    axes.stairs(table["repetition"].to_numpy(), edges, color=BLUE, lw=1.4, baseline=None)
    cap = table["cap"][0]
    axes.axhline(cap, color=MUTED, lw=0.9, ls=(0, (4, 2)))
    note = {"textcoords": "offset points", "fontsize": 7.5}
    axes.annotate(f"cap {cap:g}", (0, cap), xytext=(3, 3), color=MUTED, **note)
    for row in table.iter_rows(named=True):
        if row["end"] - row["begin"] > NARROW:
            middle = (row["begin"] + row["end"]) / 2
            axes.annotate(
                f"{row['repetition']:.1f}",
                (middle, row["repetition"]),
                xytext=(0, 3),
                ha="center",
                color=INK,
                **note,
            )
    axes.set_xlim(0, 1)
    axes.set_title(table["domain"][0])
    axes.set_xlabel("percentile of quality, by tokens")
    axes.xaxis.set_major_formatter(lambda value, _: share(value))
    axes.grid(axis="y")
