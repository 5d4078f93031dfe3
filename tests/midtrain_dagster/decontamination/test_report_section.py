"""What the report says of contamination is what the scans of a run say."""

from typing import Any

import polars as pl
import pytest

from midtrain_dagster.decontamination.report_plots import contamination
from midtrain_dagster.decontamination.report_section import (
    FOUND,
    found_by_benchmark,
    report_section,
    shares_found,
)
from midtrain_dagster.display.blocks import EXAMPLES, OFFENSIVE, Folded, Notice, Sides, Span, Table
from midtrain_dagster.display.style import BLUE, figure_svg


@pytest.fixture(scope="module")
def found(tiny_run: Any) -> pl.DataFrame:
    given = (tiny_run.artifacts[name] for name in ("benchmark_items", "contamination"))
    return found_by_benchmark(tiny_run["documents"], *given)


def test_recall_is_measured_on_what_was_planted(found: pl.DataFrame) -> None:
    assert found.schema == FOUND
    rows = {row["benchmark"]: row for row in found.iter_rows(named=True)}
    assert (rows["hellaswag"]["planted"], rows["hellaswag"]["caught"]) == (5, 5)
    assert rows["hellaswag"]["hits"] >= rows["hellaswag"]["documents"] >= 5
    assert (rows["human_eval"]["planted"], rows["human_eval"]["hits"]) == (0, 0)
    assert rows["human_eval"]["items"] == 164
    assert rows["hellaswag"]["untestable"] == 0 and "question" in rows["hellaswag"]["found_by"]


def test_what_was_planted_is_not_of_the_corpus(found: pl.DataFrame) -> None:
    assert found["found"].to_list() == [0, 0]
    told = shares_found(found.with_columns(found=pl.Series([1, 0]), untestable=pl.Series([0, 2])))
    items = found["items"][0]
    assert told[0].startswith(f"hellaswag: 1 of {items:,} items (")
    assert told[0].endswith("were found in collected documents, beside those that were planted.")
    assert told[1].startswith("human_eval: 0 of 164 items (0%)") and "2 are too short" in told[1]


def test_figure_shows_hits_and_the_planted(found: pl.DataFrame) -> None:
    from matplotlib.colors import to_hex

    left, right = contamination(found).axes
    assert [bar.get_width() for bar in left.patches] == found["documents"].to_list()
    filled = [bar.get_width() for bar in right.patches if to_hex(bar.get_facecolor()) == BLUE]
    assert filled == found["caught"].to_list()
    svg = figure_svg(left.figure)
    assert "5 of 5" in svg and "none planted" in svg
    assert len(contamination(found.with_columns(planted=0, caught=0)).axes) == 1


def test_section_shows_matches_and_the_synthetic_documents(tiny_run: Any) -> None:
    items, scans, synthetic = (
        tiny_run.artifacts[name]
        for name in (
            *("benchmark_items", "contamination", "synthesis/question_answer/contamination"),
        )
    )
    made = report_section(tiny_run["documents"], items, scans, {"question_answer": synthetic})
    table, by_source = [block for block in made.blocks if isinstance(block, Table)]
    assert table.columns[-1].title == "Synthetic documents with a hit"
    row = next(row for row in table.rows if row[0] == "hellaswag")
    assert row[2] == "0" and row[6] and row[7:] == ("5 of 5", "0")
    hits = scans["hellaswag"].read("hits")
    planted = next(row for row in by_source.rows if row[:2] == ("hellaswag", "planted"))
    assert planted[2:4] == ("5", "5")
    folded = next(block for block in made.blocks if isinstance(block, Folded) and block.warning)
    assert folded.warning == OFFENSIVE
    assert folded.summary.endswith(f"of {hits.height:,} passages that match hellaswag")
    assert len(folded.blocks) == min(EXAMPLES, hits.height)
    first = folded.blocks[0]
    assert isinstance(first, Sides) and first.title[0] in {
        Span(f"hellaswag, item {item}", "strong") for item in hits["item"]
    }
    for (card,) in (first.left, first.right):
        marks = [piece for piece in card.marked or () if isinstance(piece, Span)]
        assert marks and {mark.tone for mark in marks} == {"match"}
    assert [number.value for number in made.numbers] == ["5 of 5"]
    assert [gate.name for gate in made.gates] == ["no_benchmark_text_in_the_shards"]


def test_no_benchmark_is_said(tiny_run: Any) -> None:
    made = report_section(tiny_run["documents"], {}, {})
    assert made.blocks == (Notice("No benchmark was scanned for."),)
