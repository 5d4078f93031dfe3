from dataclasses import replace

import polars as pl
import pytest

from midtrain_dagster.report.data import ReportData
from midtrain_dagster.report.distribution_sections import distributions


@pytest.fixture
def full(data: ReportData, looked: dict[str, pl.DataFrame]) -> ReportData:
    return replace(data, **looked)


def test_each_attribute_is_a_row_with_its_bounds_and_sources(full: ReportData) -> None:
    made = distributions(full)
    for text in (
        "<h3>Ratings</h3>",
        "<h3>Bounds that documents cross</h3>",
        "<code>quality</code>",
        "<code>line_<wbr>count</code>",
        "at least 0.25<i> rating, prose</i>",
        "at least 8<i> gopher quality, prose</i>",
        '<span class="crossing">25%</span>',
        "<title>web: 4 documents</title>",
        "signals that no rule of this recipe bounds",
        "bounded signals that every document keeps",
    ):
        assert text in made, text
    attributes = full.histograms["attribute"].n_unique()
    assert made.count("<tbody>") == attributes
    assert made.count("<svg") == 2 * attributes


def test_the_documents_at_a_bound_stand_on_its_two_sides(full: ReportData) -> None:
    made = distributions(full)
    start = made.index("for prose, reason <code>gopher_quality:word_count</code>")
    block = made[start : made.index("</details>", start)]
    outside, inside = block.split("<h4>Just inside</h4>")[:2]
    assert "<b>2</b>" in outside and "Click here" in outside
    assert '<span class="dropped-tag">language:de</span>' in outside
    assert "lighthouse" in inside or "bright day" in inside


def test_texts_are_escaped_and_cut(full: ReportData) -> None:
    made = distributions(full)
    assert "<script" not in made and "&lt;script&gt;" in made


def test_the_command_is_told_with_a_document_to_try(full: ReportData, data: ReportData) -> None:
    assert f"midtrain explain recipes/demo.yaml {full.borders['id'][0][:12]}" in distributions(full)
    bare = distributions(data)
    assert "No distributions were counted." in bare
    assert f"midtrain explain recipes/demo.yaml {data.examples['id'][0][:12]}" in bare


def test_the_same_data_gives_the_same_bytes(full: ReportData) -> None:
    assert distributions(full) == distributions(full)
