"""Shares of stages are summed by family, and of all that models wrote whatever family it is of."""

import polars as pl

from midtrain_dagster.display.blocks import Stack, Table, Text
from midtrain_dagster.synthesis.report_shares import shares_blocks

FAMILIES = {"rephrase": "distillation", "qa": "distillation", "taken": "extraction", "repos": None}
SHARES = pl.DataFrame(
    [
        *(("base", name, 0.0, 0.0) for name in FAMILIES),
        ("annealed", "rephrase", 0.05, 0.04),
        ("annealed", "qa", 0.10, 0.11),
        ("annealed", "taken", 0.02, 0.0),
        ("annealed", "repos", 0.30, 0.31),
    ],
    ["run", "group", "planned", "delivered"],
    orient="row",
)


def test_rows_are_families_with_their_methods_and_all_that_models_wrote() -> None:
    _, table, note = shares_blocks(FAMILIES, SHARES, 0.7)
    assert isinstance(table, Table) and isinstance(note, Text)
    assert [column.title for column in table.columns] == ["Family and method", "In annealed"]
    shares = {row[0].text: row[1] for row in table.rows}  # type: ignore[union-attr]
    assert shares == {
        "distillation": Stack(("15%", "planned 15%")),
        "rephrase": Stack(("4.0%", "planned 5.0%")),
        "qa": Stack(("11%", "planned 10%")),
        "extraction": Stack(("0%", "planned 2.0%")),
        "taken": Stack(("0%", "planned 2.0%")),
        "put together of natural text": Stack(("31%", "planned 30%")),
        "repos": Stack(("31%", "planned 30%")),
        "all that models wrote": Stack(("15%", "planned 17%")),
    }
    assert list(shares)[-1] == "all that models wrote"
    assert "may have 30%" in str(note.content)


def test_what_no_stage_reads_has_no_table() -> None:
    assert shares_blocks(FAMILIES, None, 0.7) == ()
    assert shares_blocks(FAMILIES, SHARES.filter(run="base"), 0.7) == ()
