"""The figure of decontamination: what was found, and what of the planted text was caught."""

from typing import TYPE_CHECKING

import polars as pl

from midtrain_dagster.display.numbers import count
from midtrain_dagster.display.style import (
    BLUE,
    GREY,
    PAPER,
    bar_label,
    category_rows,
    figure,
    house_style,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def contamination(found: pl.DataFrame) -> "Figure":
    """Documents that hold benchmark text, by benchmark, and how many planted ones were caught.

    ``found`` has the columns of :data:`report_section.FOUND`. The second panel, with the recall
    that planted documents measure, is drawn where any were planted.
    """
    names = found["benchmark"].to_list()
    planted = bool((found["planted"] > 0).any())
    with house_style():
        made, grid = figure(0.9 + 0.4 * len(names), 1, 2 if planted else 1, sharey=True)
        left = grid[0] if planted else grid
        left.barh(range(len(names)), found["documents"], height=0.56, color=BLUE, lw=0)
        for row, (documents, hits) in enumerate(found.select("documents", "hits").iter_rows()):
            bar_label(left, documents, row, f"{count(documents)} ({count(hits)} passages)")
        left.set_title("Documents that hold benchmark text")
        left.margins(x=0.35)
        if planted:
            right = grid[1]
            for row, (put, caught) in enumerate(found.select("planted", "caught").iter_rows()):
                right.barh(row, put, height=0.56, color=PAPER, edgecolor=GREY, lw=0.9)
                right.barh(row, caught, height=0.56, color=BLUE, lw=0)
                bar_label(right, put, row, f"{caught} of {put}" if put else "none planted")
            right.set_title("Planted documents that were caught")
            right.margins(x=0.25)
        for axes in (left, right) if planted else (left,):
            category_rows(axes, names)
    return made
