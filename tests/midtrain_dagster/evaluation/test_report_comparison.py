"""What the report says of a difference is what its row holds."""

from typing import Any

import polars as pl
import pytest

from assets.report import COMPARED
from midtrain_dagster.display.blocks import Folded, Heading, Span, Table, Text
from midtrain_dagster.display.numbers import MISSING
from midtrain_dagster.evaluation.comparison import COMPARISONS, SEEDS
from midtrain_dagster.evaluation.method import BITS
from midtrain_dagster.evaluation.report_comparison import certainty, comparison_blocks

ROW = {
    "checkpoint": "annealed",
    "against": "annealed/control",
    "benchmark": "quiz",
    "metric": "acc",
    "unit": "accuracy",
    "items": 500,
    "groups": 500,
    "unpaired": 0,
    "difference": 0.042,
    "stderr": 0.01,
    "low": 0.022,
    "high": 0.062,
    "p": 0.00001,
    "p_holm": 0.00002,
    "at_chance": False,
    "outcome": "better",
    "items_for_point": 3925,
}
NO_SEEDS = SEEDS.to_frame()


def compared(**other: Any) -> pl.DataFrame:
    return pl.DataFrame([{**ROW, **other}], schema=COMPARISONS)


def test_a_difference_has_its_interval_its_p_value_and_what_it_means() -> None:
    heading, _, fold = comparison_blocks(compared(), NO_SEEDS)
    assert heading == Heading("Differences, item by item")
    assert isinstance(fold, Folded) and fold.summary == "1 difference"
    (table,) = fold.blocks
    assert isinstance(table, Table)
    assert table.rows == (
        (
            *(Span("annealed", "strong"), "annealed control", "quiz", "acc"),
            *("+4.2", "+2.2 to +6.2", "<0.001", Span("better", "better"), "500"),
        ),
    )


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"outcome": "worse"}, "worse"),
        ({"outcome": "undecided"}, "undecided (3,925 items would show one point)"),
        (
            {"outcome": "undecided", "unit": BITS},
            "undecided (3,925 items would show 0.01 bit per byte)",
        ),
        ({"outcome": "undecided", "items_for_point": None}, "undecided"),
        ({"outcome": "undecided", "at_chance": True}, "both at chance"),
    ],
)
def test_what_is_undecided_says_what_would_decide_it(row: dict[str, Any], words: str) -> None:
    assert certainty({**ROW, **row}) == words


def test_what_is_not_paired_and_what_has_no_error_are_told() -> None:
    missing = dict.fromkeys(("stderr", "low", "high", "p", "p_holm", "items_for_point"))
    blocks = comparison_blocks(compared(unpaired=3, outcome="undecided", **missing), NO_SEEDS)
    (fold,) = blocks[2:]
    assert isinstance(fold, Folded)
    table, note = fold.blocks
    assert isinstance(table, Table)
    assert table.rows[0][4:8] == ("+4.2", MISSING, MISSING, Span("undecided", "same"))
    assert isinstance(note, Text)
    assert str(note.content).startswith("quiz, acc: 3 items that only one of annealed and")


def test_seeds_stand_apart_and_what_there_is_none_of_is_left_out() -> None:
    seeds = pl.DataFrame(
        [("annealed", "quiz", "acc", "accuracy", 3, 0.5, 0.05, 0.45, 0.55)], SEEDS, orient="row"
    )
    heading, _, table = comparison_blocks(COMPARISONS.to_frame(), seeds)
    assert heading == Heading("Over seeds")
    assert isinstance(table, Table)
    row = (Span("annealed", "strong"), "quiz", "acc", "3", "50.0%", "5.0%", "45.0% to 55.0%")
    assert table.rows == (row,)
    assert comparison_blocks(COMPARISONS.to_frame(), NO_SEEDS) == []


def test_a_run_holds_its_stages_against_their_controls_and_starts(tiny_run: Any) -> None:
    found = tiny_run["report"].read(COMPARED)
    assert found.schema == COMPARISONS
    assert found.select("checkpoint", "against").unique(maintain_order=True).rows() == [
        ("annealed", "annealed/control"),
        ("annealed", "base"),
        ("extended", "annealed"),
    ]
    assert (found["items"] > 0).all()
    scores = {
        (row["checkpoint"], row["benchmark"], row["metric"]): row["value"]
        for evaluation in tiny_run.artifacts["evaluation"].values()
        for part in evaluation.manifest.parts
        if part.table == "scores"
        for row in pl.read_parquet(evaluation.storage.uri(part.path))
        .with_columns(checkpoint=pl.lit(part.label))
        .iter_rows(named=True)
    }
    for row in found.iter_rows(named=True):
        measure = (row["benchmark"], row["metric"])
        moved = scores[row["checkpoint"], *measure] - scores[row["against"], *measure]
        assert row["unpaired"] > 0 or row["difference"] == pytest.approx(moved, abs=1e-9)
    page = tiny_run["report"].content("report.html").decode()
    assert "Differences, item by item" in page
