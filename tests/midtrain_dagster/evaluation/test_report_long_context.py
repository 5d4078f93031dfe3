import polars as pl

from midtrain_dagster.display.blocks import Figure, Table
from midtrain_dagster.display.style import figure_svg
from midtrain_dagster.evaluation.long_context import FOUND
from midtrain_dagster.evaluation.report_long_context import (
    HEAD,
    heat_map,
    long_context_section,
    table_rows,
)

ROWS = [
    (name, task, length, depth, 8, accuracy, 0.1, 0.1, accuracy < 0.2, 0.5, 0.1)
    for name in ("base", "extended")
    for task, depths in (("one", (0.0, 1.0)), ("walk", (None,)))
    for depth in depths
    for length, accuracy in ((64, 1.0), (128, 0.125 if name == "base" else 0.99))
]
TABLE = pl.DataFrame(ROWS, schema={"checkpoint": pl.String, **FOUND}, orient="row")


def test_every_cell_is_on_the_map_and_those_at_chance_are_in_brackets() -> None:
    drawn = heat_map(TABLE)
    assert len(drawn.axes) == 4
    base, _, extended, _ = drawn.axes
    assert sorted(text.get_text() for text in base.texts) == ["(12)", "(12)", "100", "100"]
    assert sorted(text.get_text() for text in extended.texts) == ["100", "100", "99", "99"]
    assert [label.get_text() for label in base.get_yticklabels()] == ["0", "1"]
    assert [label.get_text() for label in drawn.axes[1].get_yticklabels()] == ["any"]
    assert "extended" in figure_svg(drawn)


def test_the_section_has_the_map_effective_lengths_and_every_figure() -> None:
    section = long_context_section(TABLE, 0.856)
    assert any(isinstance(block, Figure) for block in section.blocks)
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert [row[1:] for row in table.rows] == [("64", "0"), ("128", "0")]


def test_rows_say_what_was_found_in_words() -> None:
    rows = list(table_rows(TABLE))
    assert len(rows) == TABLE.height
    assert all(len(row) == len(HEAD) for row in rows)
    assert rows[1][:5] == ("base", "one", "128", "0", "8")
    assert rows[1][5:] == ("12.5% \N{PLUS-MINUS SIGN} 20.0%", "10.0%", "at chance", "50.0%")
    assert rows[4][3] == "\N{EN DASH}"
