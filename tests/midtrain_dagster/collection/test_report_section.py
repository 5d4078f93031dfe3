from collections.abc import Callable
from pathlib import Path
from typing import Any

from midtrain_dagster.collection.report_section import report_section
from midtrain_dagster.collection.settings import CollectionSettings
from midtrain_dagster.display.blocks import Folded, Heading, Span, Stack, Table, Text


def test_every_document_and_every_rejection_is_counted_once(tiny_run: Any) -> None:
    documents, recipe = tiny_run["documents"], tiny_run.recipe
    made = report_section(documents, recipe.sources, recipe.collection)
    table, _, *others = made.blocks
    assert isinstance(table, Table)
    rows = {row[0].text: row[1:] for row in table.rows}
    assert sorted(rows) == list(rows) == ["docstrings", "openwebtext", "planted", "wikipedia"]
    assert rows["wikipedia"] == ("wikipedia", "prose", "1", "0", "1,000", "0", "0", "150")
    assert sum(int(row[7].replace(",", "")) for row in rows.values()) == documents.rows("documents")
    (folded,) = [block for block in others if isinstance(block, Folded)]
    (passed,) = folded.blocks
    assert isinstance(passed, Table)
    lost = [block for block in others if isinstance(block, Table)]
    told = [row for each in (*lost, passed) for row in each.rows]
    counted = documents.read("rejections").group_by("source", "reason").len()
    assert {(row[0].text, row[1].text, row[2]) for row in told} == {
        (source, reason, f"{number:,}") for source, reason, number in counted.iter_rows()
    }
    (number,) = made.numbers
    assert number.value == f"{documents.rows('documents'):,}"
    assert [gate.name for gate in made.gates] == ["no_source_is_empty", "rejection_ceiling"]


def test_losses_stand_with_their_files_and_rows(
    lossy: Path, lossy_sources: Any, read_artifact: Callable[..., Any]
) -> None:
    (lossy / "forum" / "b.jsonl").write_text("{broken\n" * 9)
    settings = CollectionSettings(max_rejected=0.75)
    made = report_section(read_artifact(lossy_sources), lossy_sources, settings)
    sources, words, heading, lost = made.blocks
    assert isinstance(sources, Table) and isinstance(lost, Table)
    assert isinstance(words, Text) and heading == Heading("Not taken")
    cells = {row[0].text: [getattr(each, "text", each) for each in row[3:]] for row in sources.rows}
    assert cells["notes"] == ["3", "2", "1", "0", "0", "1"]
    assert cells["forum"] == ["2", "1", "19", "12", "0", "7"]
    told = {(row[0].text, row[1].text): row[2:] for row in lost.rows}
    number, shown = told["forum", "invalid_json"]
    assert number == "10"
    assert isinstance(shown, Stack) and len(shown.lines) == 5
    assert str(shown.lines[0]).startswith("a.jsonl:5: line at byte")
    assert str(shown.lines[1]).startswith("b.jsonl:1: line at byte 0")
    assert sources.rows[2][4] == Span("2", "failed")
    assert "nearest to it is notes, which lost 67% of at most 75%" in made.gates[1].detail
