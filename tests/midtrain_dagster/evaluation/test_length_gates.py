from typing import Any

import polars as pl
import pytest

from midtrain_dagster.evaluation.checks import Check
from midtrain_dagster.evaluation.length_gates import DESCRIPTIONS, gate_checks, gate_names
from midtrain_dagster.long_context.settings import Gates

LOSSES = pl.DataFrame(
    {
        "checkpoint": ["annealed", "annealed", "extended", "extended"],
        "domain": ["web", "code"] * 2,
        "loss": [3.0, 2.0, 3.04, 1.0],
    }
)


def scores(*rows: tuple[str, float, float, bool]) -> pl.DataFrame:
    """Rows of checkpoint, value, error and whether it is at chance."""
    names = ["checkpoint", "value", "stderr", "at_chance"]
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(
        benchmark=pl.lit("hellaswag"),
        metric=pl.lit("acc"),
        chance=pl.lit(0.25),
        unit=pl.lit("accuracy"),
    )


def found(*rows: tuple[str, int, float, float]) -> pl.DataFrame:
    """Rows of task, length, depth and rank accuracy."""
    names = ["task", "length", "depth", "rank_accuracy"]
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(
        checkpoint=pl.lit("extended"), chance=pl.lit(0.1), items=pl.lit(10)
    )


def gates(fields: dict[str, Any], **tables: Any) -> list[Check]:
    given = {"losses": LOSSES, "general": ["web"], "scores": None, "found": None} | tables
    asked = Gates.model_validate({"general_loss": None, "scores": None} | fields)
    return list(gate_checks("extended", "annealed", asked, window=256, **given))


@pytest.mark.parametrize(("bound", "passed"), [(0.05, True), (0.03, False)])
def test_general_loss_is_held_against_the_start(bound: float, passed: bool) -> None:
    (check,) = gates({"general_loss": bound})
    assert check.passed is passed
    assert check.gate
    assert check.name == "extended_gate_general_loss"
    assert check.detail == (
        "mean loss on web in short windows moved by +0.040 from annealed; the bound is "
        f"+{bound:.3f}"
    )


def test_a_loss_that_is_not_there_passes_nothing() -> None:
    (check,) = gates({"general_loss": 0.05}, general=["books"])
    assert not check.passed
    assert "not measured: no document of books is held out" in check.detail


@pytest.mark.parametrize(
    ("before", "after", "passed"),
    [
        ((0.60, 0.001, False), (0.59, 0.001, False), True),
        ((0.60, 0.001, False), (0.57, 0.001, False), False),
        ((0.60, 0.02, False), (0.55, 0.02, False), True),  # within two standard errors
        ((0.26, 0.02, True), (0.10, 0.02, True), True),  # the start guessed
        ((0.10, 0.001, False), (0.05, 0.001, False), True),  # worse than a guess
    ],
)
def test_scores_above_chance_are_recovered(
    before: tuple[float, float, bool], after: tuple[float, float, bool], passed: bool
) -> None:
    (check,) = gates({"scores": 0.02}, scores=scores(("annealed", *before), ("extended", *after)))
    assert check.passed is passed
    assert check.name == "extended_gate_scores"


def test_needles_are_found_at_every_length_up_to_the_window() -> None:
    table = found(
        *[("one", 64, depth, 1.0) for depth in (0.0, 1.0)],
        *[("one", 256, 0.0, 1.0), ("one", 256, 1.0, 0.8)],
        *[("hard", 64, 0.0, 0.2), ("one", 512, 0.0, 0.0)],
    )
    (check,) = gates({"needles": {"tasks": ["one"], "rank_accuracy": 0.9}}, found=table)
    assert check.passed
    assert check.detail == (
        "one at 256 tokens is found by rank in 90.0% (chance 10.0%), the least of 2 tasks and "
        "lengths up to 256; the threshold is 90.0%"
    )
    (every,) = gates({"needles": {}}, found=table)
    assert not every.passed
    assert every.detail.startswith("hard at 64 tokens")
    (none,) = gates({"needles": {}}, found=table.filter(pl.col("length") > 256))
    assert not none.passed


def test_what_is_asked_is_known_before() -> None:
    asked = Gates.model_validate({"needles": {}})
    assert gate_names(asked, has_scores=True) == list(DESCRIPTIONS)
    assert gate_names(asked, has_scores=False) == ["gate_general_loss", "gate_needles"]
    assert gate_names(Gates(scores=None), has_scores=True) == ["gate_general_loss"]
