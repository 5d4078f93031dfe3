"""Items with answers, as a run's artifacts hold them and as a page shows them."""

from typing import Any

import polars as pl
import pytest

from midtrain_dagster.display.blocks import Code, Folded, Heading, PageSection, Span, Table, Text
from midtrain_dagster.display.numbers import MINUS
from midtrain_dagster.evaluation import report_section as section
from midtrain_dagster.evaluation.report_answers import SHORT, answers_blocks
from midtrain_dagster.report.page import render


@pytest.fixture(scope="module")
def read(tiny_run: Any) -> tuple[pl.DataFrame, dict[str, pl.DataFrame], pl.DataFrame]:
    evaluations = tiny_run.artifacts["evaluation"].values()
    items = {
        name: each.read("items") for name, each in tiny_run.artifacts["benchmark_items"].items()
    }
    return section.answers(evaluations), items, section.by_item(evaluations)


def test_items_of_the_last_checkpoint_are_shown_right_ones_first(read) -> None:
    answers, items, by_item = read
    heading, words, fold = answers_blocks(answers, items, by_item)
    assert heading == Heading("Items and answers")
    assert "with what extended answered" in words.content
    assert isinstance(fold, Folded)
    last = answers.filter(checkpoint="extended")
    counted = {kind: last.filter(kind=kind).height for kind in ("right", "wrong")}
    assert fold.summary == f"hellaswag: {counted['right']} right, {counted['wrong']} wrong"
    titles = [
        block.content
        for block in fold.blocks
        if isinstance(block, Text) and isinstance(block.content, tuple) and len(block.content) == 4
    ]
    assert [title[2].text for title in titles] == [f"item {each}" for each in last["item"]]
    tables = [block for block in fold.blocks if isinstance(block, Table)]
    assert len(tables) == last.height
    for table, row in zip(tables, last.iter_rows(named=True), strict=True):
        assert len(table.rows) == 4
        likely = [f"{each['nats']:.3f}".replace("-", MINUS) for each in row["weighed"]]
        assert [
            cell[1].text if isinstance(cell[1], Span) else cell[1] for cell in table.rows
        ] == likely
        assert sum(isinstance(cell[0], Span) for cell in table.rows) == 1, "the right one"
    notes = [block.content for block in fold.blocks if isinstance(block, Text) and block.note]
    assert all(str(note).startswith("acc_norm of this item: base ") for note in notes)


def test_texts_are_escaped_and_long_ones_folded(read) -> None:
    answers, items, by_item = read
    evil = "<script>alert(1)</script> & more" + "x" * SHORT
    weighed = pl.lit([], answers.schema["weighed"])
    answers = answers.with_columns(weighed=weighed)
    items = {"hellaswag": items["hellaswag"].with_columns(question=pl.lit(evil))}
    blocks = tuple(answers_blocks(answers, items, by_item))
    page = render("t", "d", [PageSection("answers", "Answers", None, blocks)])
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page
    (fold,) = [block for block in blocks if isinstance(block, Folded)]
    inner = [block for block in fold.blocks if isinstance(block, Folded)]
    assert inner and all(isinstance(each.blocks[0], Code) for each in inner)


def test_what_was_written_is_shown_beside_the_right_answer(read) -> None:
    answers, items, by_item = read
    texts = [{"text": "", "behind": 0, "is_cut": False}, {"text": "7", "behind": 9, "is_cut": True}]
    schema = answers.schema["written"]
    written = answers.with_columns(written=pl.lit(texts, schema), samples=pl.lit(6, pl.Int64))
    _, _, fold = answers_blocks(written, items, by_item)
    assert isinstance(fold, Folded)
    told = [block.content for block in fold.blocks if isinstance(block, Text)]
    assert (Span("Written 1 of 6: ", "muted"), Span("nothing", "muted")) in told
    name = Span("Written 2 of 6, cut at the most tokens: ", "muted")
    assert (name, "7 (9 more characters are not kept)") in told


def test_nothing_answered_is_no_section(read) -> None:
    answers, items, by_item = read
    assert answers_blocks(answers.clear(), items, by_item) == []
