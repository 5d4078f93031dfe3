"""What the report says of benchmarks is what the artifacts of a run say."""

from typing import Any

import pytest

from assets.report import measurements
from midtrain_dagster.display.blocks import Folded, Notice, Span
from midtrain_dagster.display.numbers import loss
from midtrain_dagster.evaluation.headline import Measurements
from midtrain_dagster.evaluation.report_benchmarks import benchmarks_section

ABOVE, BELOW = Notice("above"), Notice("below")


@pytest.fixture(scope="module")
def measured(tiny_run: Any) -> Measurements:
    return measurements(tiny_run.recipe, tiny_run["report"])


def test_benchmarks_list_every_score_once_with_the_items_that_it_is_of(measured) -> None:
    scores = measured.scores
    made = benchmarks_section(scores, measured.asked, ["human_eval"], above=[ABOVE], below=[BELOW])
    assert (made.blocks[0], made.blocks[-1]) == (ABOVE, BELOW)
    assert made.blocks[-2].content == "Searched for in the corpus and not asked: human_eval."
    fold = made.blocks[1]
    assert isinstance(fold, Folded)
    (found,) = fold.blocks
    rows = found.rows
    assert len(rows) == scores.height
    assert [row[0].text for row in rows if row[0].text] == ["hellaswag"] * 3
    for row, score in zip(rows, scores.sort("metric", maintain_order=True).to_dicts(), strict=True):
        assert row[3] == score["checkpoint"].replace("/", " ")
        is_share = score["metric"] != "bits_per_byte"
        assert row[4] == (f"{100 * score['value']:.1f}%" if is_share else loss(score["value"]))
        assert (row[7] == Span("at chance", "chance")) is bool(score["at_chance"])
        scored, too_long, beyond = map(int, row[8:])
        assert (scored, scored + too_long, beyond) == (score["items"], 10, 90)


def test_the_page_of_a_run_has_the_table_the_profile_and_items(tiny_run: Any) -> None:
    page = tiny_run["report"].content("report.html").decode()
    for words in (
        "Every benchmark, every checkpoint",
        "By ability",
        "Every metric of every checkpoint: 12 scores",
        "Items and answers",
    ):
        assert words in page, words


def test_no_score_is_said(measured: Measurements) -> None:
    made = benchmarks_section(measured.scores.clear(), measured.asked.clear())
    assert made.blocks == (Notice("No benchmark has a score."),)
