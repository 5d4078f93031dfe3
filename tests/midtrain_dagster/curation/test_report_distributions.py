"""The section on distributions shows what the artifacts of a run count."""

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.curation.report_distributions import distributions_section
from midtrain_dagster.display.blocks import (
    Aside,
    Folded,
    Heading,
    MultiplesRow,
    PageSection,
    Sides,
    SmallMultiples,
    Span,
)


@pytest.fixture(scope="module")
def section(tiny_run: Any) -> PageSection:
    below = "synthesis/question_answer/distributions"
    return distributions_section([tiny_run["distributions"], tiny_run[below]])


def multiples(blocks: Any) -> Iterator[SmallMultiples]:
    for block in blocks:
        if isinstance(block, SmallMultiples):
            yield block
        elif isinstance(block, Folded):
            yield from multiples(block.blocks)


def rows(section: PageSection) -> dict[str, MultiplesRow]:
    return {row.name: row for each in multiples(section.blocks) for row in each.rows}


def test_every_attribute_is_a_row_with_a_sparkline_for_each_source(
    section: PageSection, tiny_run: Any
) -> None:
    found = rows(section)
    assert set(found) == set(tiny_run["distributions"].read("histograms")["attribute"])
    titles = [block.text for block in section.blocks if isinstance(block, Heading)]
    assert titles == ["Ratings", "Bounds that documents cross"]
    for each in multiples(section.blocks):
        assert set(each.columns) >= {"openwebtext", "wikipedia", "docstrings", "planted"}
        assert any(source.startswith("synthetic") for source in each.columns)
        assert all(len(row.sparklines) == len(each.columns) for row in each.rows)
    (least, most, axis) = found["word_count"].notes
    assert least == ("at least 20", Span(" gopher quality, prose", "muted"))
    assert most == ("at most 100K", Span(" gopher quality, prose", "muted"))
    assert axis.text.startswith("axis from ")


def test_documents_at_a_bound_stand_on_its_two_sides(section: PageSection, tiny_run: Any) -> None:
    borders = tiny_run["distributions"].read("borders").filter(attribute="c4_sentences")
    below = rows(section)["c4_sentences"].below
    assert below is not None and "documents outside, the reason for" in below.summary
    (sides,) = [block for block in below.blocks if isinstance(block, Sides)]
    for within, cards in ((False, sides.left), (True, sides.right)):
        expected = borders.filter(pl.col("within") == within).sort("rank")
        assert [card.labels[3].title for card in cards] == expected["id"].to_list()
        assert [card.labels[1].text for card in cards] == expected["decision"].to_list()
        values = [float(card.labels[0].text) for card in cards]
        assert all((value >= 5) == within for value in values)


def test_a_document_to_ask_about_is_named(section: PageSection, tiny_run: Any) -> None:
    aside = section.blocks[-1]
    assert isinstance(aside, Aside)
    identity = aside.code.split()[-1]
    ids = tiny_run["documents"].read("documents")["id"]
    assert ids.str.starts_with(identity).sum() <= 1 and len(identity) == 12


def test_nothing_counted_is_said(tiny_run: Any) -> None:
    class Empty:
        def read(self, name: str) -> pl.DataFrame:
            return tiny_run["distributions"].read(name).clear()

    notice, _ = distributions_section([Empty()]).blocks  # type: ignore[list-item]
    assert notice.text == "No distributions were counted."
