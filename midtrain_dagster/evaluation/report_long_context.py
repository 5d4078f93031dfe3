"""The report's section on long contexts: heat maps of length by depth, and effective lengths."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from midtrain_dagster.display.blocks import (
    Block,
    Cell,
    Figure,
    Folded,
    Heading,
    PageSection,
    Span,
    Table,
    Text,
    columns,
)
from midtrain_dagster.display.numbers import MISSING, accuracy, count
from midtrain_dagster.display.style import INK, RULE, figure, house_style
from midtrain_dagster.display.words import spoken
from midtrain_dagster.evaluation import effective_length, long_context
from midtrain_dagster.evaluation.effective_length import effective_lengths

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

VERSION = 1
USES = (effective_length, long_context)

HEAD = (
    *("checkpoint", "task", "length", "depth", "items"),
    *("rank accuracy ± 2 s.e.", "chance", "", "exact match"),
)

LEAD = (
    "Something is hidden in a long text and asked for. By rank: the share of right answers that "
    "are likelier than the wrong ones beside them. By writing: the share of references in what the "
    "checkpoint writes (RULER's exact match; of questions over passages one reference is enough). "
    "“At chance” means that it cannot be told from guessing."
)

CAPTION = (
    "Rank accuracy by length and depth, every checkpoint in a row, every task in a column. Look "
    "for a field that stays dark to the right: there a checkpoint uses its context up to that "
    "length. Per cent; in brackets at chance. Tasks without a depth have one row."
)


def long_context_section(found: pl.DataFrame, threshold: float) -> PageSection:
    """What every checkpoint finds (``long_context.FOUND`` with ``checkpoint``), and how far."""
    effective = effective_lengths(found, threshold)
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (Span(spoken(name), "strong"), count(by_rank), count(by_writing))
        for name, by_rank, by_writing in effective.iter_rows()
    )
    rule = (
        f"The longest length up to which every mean over tasks is at least {accuracy(threshold)} "
        "(RULER's rule; by rank without what guesses reach). 0: not even the shortest that was "
        "asked."
    )
    blocks: tuple[Block, ...] = (
        Figure("long_context", heat_map(found), CAPTION),
        Heading("Effective length, tokens"),
        Text(rule, note=True),
        Table(columns("Checkpoint", "#By rank", "#By writing"), rows),
        Folded("Every task, length and depth", (_table(found),)),
    )
    return PageSection("long_context", "Long contexts", LEAD, blocks)


def _table(found: pl.DataFrame) -> Table:
    head = [name if place < 2 else f"#{name}" for place, name in enumerate(HEAD)]
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (Span(row[0], "strong"), *row[1:7], Span(row[7], "chance") if row[7] else None, row[8])
        for row in table_rows(found)
    )
    return Table(columns(*head), rows)


def table_rows(found: pl.DataFrame) -> Iterator[tuple[str, ...]]:
    """The table of ``HEAD`` in words."""
    for row in found.iter_rows(named=True):
        error = "" if row["stderr"] is None else f" ± {accuracy(2 * row['stderr'])}"
        yield (
            spoken(row["checkpoint"]),
            row["task"],
            count(row["length"]),
            MISSING if row["depth"] is None else f"{row['depth']:g}",
            count(row["items"]),
            f"{accuracy(row['rank_accuracy'])}{error}",
            accuracy(row["chance"]),
            "at chance" if row["at_chance"] else "",
            accuracy(row["exact_match"]),
        )


def heat_map(found: pl.DataFrame) -> "Drawing":
    """Rank accuracy by length (across) and depth (down), for each checkpoint and task.

    ``found`` has ``checkpoint`` beside the columns of ``long_context.FOUND``. A cell holds the
    share in per cent; one at chance is in brackets.
    """
    names = found["checkpoint"].unique(maintain_order=True).to_list()
    tasks = found["task"].unique(maintain_order=True).to_list()
    with house_style():
        made, axes = figure(
            0.5 + 1.25 * len(names), len(names), len(tasks), squeeze=False, sharex="col"
        )
        for row, name in enumerate(names):
            for column, task in enumerate(tasks):
                of = found.filter(pl.col("checkpoint") == name, pl.col("task") == task)
                _one_map(axes[row, column], of)
                if not row:
                    axes[row, column].set_title(task, fontsize=9)
                if not column:
                    axes[row, column].set_ylabel(spoken(name), fontsize=8)
        made.supxlabel("length, tokens; down: depth", fontsize=8)
    return made


def _one_map(axes: Any, found: pl.DataFrame) -> None:
    lengths = found["length"].unique().sort().to_list()
    depths = found["depth"].unique().sort().to_list()
    shares = np.full((len(depths), len(lengths)), np.nan)
    for row in found.iter_rows(named=True):
        place = depths.index(row["depth"]), lengths.index(row["length"])
        shares[place] = row["rank_accuracy"]
        words = f"{100 * row['rank_accuracy']:.0f}"
        axes.text(
            place[1],
            place[0],
            f"({words})" if row["at_chance"] else words,
            ha="center",
            va="center",
            fontsize=7,
            color=INK if row["rank_accuracy"] < 0.6 else "white",
        )
    axes.imshow(shares, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    axes.set_xticks(range(len(lengths)), [f"{length:,}" for length in lengths], fontsize=7)
    named = ["any" if depth is None else f"{depth:g}" for depth in depths]
    axes.set_yticks(range(len(depths)), named, fontsize=7)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_color(RULE)
