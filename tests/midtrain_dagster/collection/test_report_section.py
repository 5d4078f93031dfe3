from typing import Any

import polars as pl

from midtrain_dagster.collection.report_section import report_section
from midtrain_dagster.display.blocks import Table


def test_every_document_and_every_rejection_is_counted_once(tiny_run: Any) -> None:
    documents = tiny_run["documents"]
    made = report_section(documents)
    (table,) = made.blocks
    assert isinstance(table, Table)
    rows = {row[0].text: row[1:] for row in table.rows}
    assert sorted(rows) == list(rows) == ["docstrings", "openwebtext", "planted", "wikipedia"]
    assert rows["wikipedia"][:4] == ("wikipedia", "prose", "150", "0")
    assert sum(int(row[2].replace(",", "")) for row in rows.values()) == documents.rows("documents")
    refused = documents.read("rejections")
    assert sum(int(row[3]) for row in rows.values()) == refused.height > 0
    reason, count = (
        refused.filter(source="docstrings")
        .group_by("reason")
        .len()
        .sort(pl.col("len"), descending=True)
        .row(0)
    )
    assert rows["docstrings"][4].startswith(f"{reason} {count}")
    (number,) = made.numbers
    assert number.value == f"{documents.rows('documents'):,}"
    assert [gate.name for gate in made.gates] == ["no_source_is_empty"]
