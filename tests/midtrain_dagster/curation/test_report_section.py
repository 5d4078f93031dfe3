"""What the report says of curation is what the decisions of a run say."""

from typing import Any

import polars as pl
import pytest

from midtrain_dagster.curation.policy import CurationPolicy
from midtrain_dagster.curation.report_plots import funnel, small_multiples
from midtrain_dagster.curation.report_section import funnel_table, report_section
from midtrain_dagster.display.blocks import OFFENSIVE, Folded, PageSection, Table
from midtrain_dagster.display.style import figure_png, figure_svg

POLICY = CurationPolicy.model_validate({"removal_ceilings": {"planted": 1.0}})


@pytest.fixture(scope="module")
def section(tiny_run: Any) -> PageSection:
    return report_section(tiny_run["documents"], tiny_run["curated_documents"], POLICY)


@pytest.fixture(scope="module")
def decisions(tiny_run: Any) -> pl.DataFrame:
    return tiny_run["curated_documents"].read("decisions")


def test_every_document_is_in_one_decision(section: PageSection, decisions: pl.DataFrame) -> None:
    tables = [block for block in section.blocks if isinstance(block, Table)]
    (table,) = [each for each in tables if each.columns[0].title == "Decision"]
    counted = {row[0].text: int(row[1]) for row in table.rows}
    assert counted == dict(decisions.group_by("reason").len().iter_rows())
    assert next(iter(counted)) == "kept"
    dropped = list(counted.values())[1:]
    assert dropped == sorted(dropped, reverse=True)
    assert sum(row[3].share for row in table.rows) == pytest.approx(1)
    (number,) = section.numbers
    assert number.value == str(decisions["keep"].sum())


def test_examples_are_two_of_each_reason_behind_a_warning(
    section: PageSection, decisions: pl.DataFrame, tiny_run: Any
) -> None:
    texts = dict(tiny_run["documents"].read("documents").select("id", "text").iter_rows())
    (folded,) = [block for block in section.blocks if isinstance(block, Folded)]
    assert folded.warning == OFFENSIVE
    cards = [card for block in folded.blocks for card in block.cards]
    sizes = decisions.group_by("reason").len()["len"].clip(upper_bound=2)
    assert len(cards) == sizes.sum()
    assert cards[0].labels[0].text == "kept"
    for card in cards:
        reason, _, identity = card.labels
        assert decisions.filter(id=identity.title)["reason"].item() == reason.text
        beginning = card.quote.split()[:3]
        assert texts[identity.title].split()[: len(beginning)] == beginning


def test_gate_names_the_source_that_came_nearest_to_its_ceiling(section: PageSection) -> None:
    (gate,) = section.gates
    assert "nearest to it is planted, which lost 100% of at most 100%" in gate.detail


def test_funnel_is_what_is_left_of_all_and_of_each_source(tiny_run: Any) -> None:
    table = funnel_table(tiny_run["curated_documents"])
    left, right = funnel(table).axes
    widths: dict[int, float] = {}
    for bar in left.patches:
        row = round(bar.get_y() + bar.get_height() / 2)
        widths[row] = widths.get(row, 0) + bar.get_width()
    totals = table.group_by("step", maintain_order=True).agg(pl.col("documents").sum())
    assert list(widths.values()) == totals["documents"].to_list()
    assert totals["documents"][0] == tiny_run["documents"].rows("documents")
    kept = tiny_run["curated_documents"].read("decisions")["keep"].sum()
    assert totals["documents"][-1] == kept
    assert f"{totals['documents'][0]} documents (100%)" in figure_svg(left.figure)
    sources = [label.get_text() for label in right.get_xticklabels()]
    assert sources == sorted(table["source"].unique())


def test_funnel_of_nothing_is_drawn(tiny_run: Any) -> None:
    table = funnel_table(tiny_run["curated_documents"]).head(1)
    empty = table.with_columns(documents=pl.lit(0), characters=pl.lit(0))
    assert "0 documents (0%)" in figure_svg(funnel(empty))


def test_small_multiples_for_the_ui_name_ratings_bounds_and_sources(tiny_run: Any) -> None:
    tables = [tiny_run["distributions"].read(name) for name in ("histograms", "bounds")]
    svg = figure_svg(small_multiples(*tables))
    for text in ("quality", "no bound", "openwebtext", "c4_sentences", "at least 5"):
        assert f">{text}<" in svg, text
    png = figure_png(small_multiples(*tables))
    assert png == figure_png(small_multiples(*tables))
    nothing = [table.clear() for table in tables]
    assert figure_png(small_multiples(*nothing)).startswith(b"\x89PNG")
