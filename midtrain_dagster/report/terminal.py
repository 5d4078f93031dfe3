"""The before/after table that ends a run on the terminal: 80 columns for the usual checkpoints."""

from typing import TYPE_CHECKING

from midtrain_dagster.display.words import spoken
from midtrain_dagster.evaluation.headline import Measurements
from midtrain_dagster.evaluation.report_section import items_notes

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WIDEST = 1_000
"""Columns of the widest table that is printed."""

STYLES = {True: "green", False: "red", None: ""}


def before_after_table(measured: Measurements) -> "Table":
    """One row per domain and benchmark, one column per checkpoint, the base first.

    Where a stage has a longer window than the base, a row says the loss beyond the base's. Values
    are coloured by whether they are better than the base's; one that is no better than guessing is
    followed by the words "at chance". Under a benchmark stands which figure it is and how many
    items were scored, and below the table why others were not. Standard errors are in the report.
    """
    from rich.table import Table
    from rich.text import Text

    names, rows = measured.checkpoints, measured.rows
    caption = ["losses in nats per token; standard errors are in the report", *items_notes(rows)]
    table = Table(
        title="Before and after mid-training",
        caption=Text("\n".join(caption)),
        title_justify="left",
        caption_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("measure", no_wrap=True)
    for name in names:
        table.add_column(
            spoken(name).replace(" ", "\n"), justify="right", vertical="bottom", no_wrap=True
        )
    for row in rows:
        note = "" if row.role in ("benchmark", "domain") else f" ({row.role})"
        below = "".join(f"\n{words}" for words in (row.figure, row.items) if words)
        cells = [Text.assemble(row.label, (note, "dim"), (below, "dim"))]
        for name in names:
            cell = Text(row.short(name), style=STYLES[row.better(name, names[0])])
            if name in row.values and row.values[name].at_chance:
                cell.append("\nat chance", style="dim")
            cells.append(cell)
        table.add_row(*cells)
    return table


def print_whole(table: "Table", console: "Console") -> None:
    """Print a table with all its figures, also where it is wider than the console."""
    needed = console.measure(table, options=console.options.update(max_width=WIDEST)).maximum
    width = console.width
    console.width = max(needed, width)  # `print` takes no width beyond the console's
    console.print(table)
    console.width = width
