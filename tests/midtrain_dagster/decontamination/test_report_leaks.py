"""The report says what a leak did to a loss, and what became of it."""

import polars as pl

from midtrain_dagster.decontamination.leaks import LEAKS
from midtrain_dagster.decontamination.report_leaks import leaks_section
from midtrain_dagster.display.blocks import Folded, Notice, Table, Text
from midtrain_dagster.display.numbers import MISSING

ROW = {"checkpoint": "annealed", "domain": "code", "stderr": 0.01}
WHOLE = pl.DataFrame([ROW | {"tokens": 900, "loss": 2.5}])
CLEAN = pl.DataFrame([ROW | {"tokens": 700, "loss": 2.75}])
FOUND = pl.DataFrame([("h" * 32, "code", "t" * 32, 80, 60, 1.0, 0.75)], schema=LEAKS, orient="row")


def test_the_clean_part_stands_beside_the_whole() -> None:
    made = leaks_section(FOUND, WHOLE, CLEAN, held_out=40, remove="held_out")
    said, table, folded = made.blocks
    assert isinstance(said, Text) and str(said.content).startswith("1 of 40 held-out documents")
    assert isinstance(table, Table)
    (row,) = table.rows
    assert row[1:] == ("annealed", "900", "2.500", "700", "2.750 ± 0.020", "+0.250")
    assert isinstance(folded, Folded) and folded.summary == "1 of 1 pairs"


def test_where_training_does_without_them_there_is_one_loss() -> None:
    made = leaks_section(FOUND, WHOLE, WHOLE, held_out=40, remove="training")
    said, folded = made.blocks
    assert isinstance(said, Text) and "1 training documents" in str(said.content)
    assert isinstance(folded, Folded)


def test_no_leak_is_said() -> None:
    made = leaks_section(FOUND.clear(), WHOLE, WHOLE, held_out=40, remove="held_out")
    assert made.blocks == (Notice("None of 40 held-out documents is a leak."),)


def test_a_domain_of_leaks_alone_has_no_clean_loss() -> None:
    nothing = CLEAN.with_columns(loss=pl.lit(None, pl.Float64), stderr=None, tokens=0)
    table = leaks_section(FOUND, WHOLE, nothing, held_out=40, remove="held_out").blocks[1]
    assert isinstance(table, Table) and table.rows[0][-3:] == ("0", MISSING, MISSING)
