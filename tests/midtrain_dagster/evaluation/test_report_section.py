"""What the report says of the evaluation is what the artifacts of a run say."""

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from assets.report import measurements
from midtrain_dagster.display.blocks import Figure, Notice, Span, Stack, Table, Text
from midtrain_dagster.evaluation import report_section as section
from midtrain_dagster.evaluation.checks import Check
from midtrain_dagster.evaluation.headline import Measurements

CHECKS = (
    Check("removal_ceiling", True, "most removed: web", gate=True),
    Check("general_loss", False, "moved by +0.060; the bound is +0.050"),
)


@pytest.fixture(scope="module")
def measured(tiny_run: Any) -> Measurements:
    return measurements(tiny_run.recipe, tiny_run["report"])


@pytest.fixture(scope="module")
def losses(tiny_run: Any) -> pl.DataFrame:
    return tiny_run["held_out_losses"].read("losses")


@pytest.fixture(scope="module")
def evaluations(tiny_run: Any) -> list[Any]:
    return list(tiny_run.artifacts["evaluation"].values())


def table(made: Any) -> Table:
    (found,) = [block for block in made.blocks if isinstance(block, Table)]
    return found


def test_scores_carry_the_checkpoint_that_they_are_of(tiny_run: Any, evaluations: Any) -> None:
    scores = section.scores(evaluations)
    assert scores["checkpoint"].unique(maintain_order=True).to_list() == [
        "base",
        "annealed",
        "annealed/control",
        "extended",
    ]
    assert set(scores["benchmark"]) == {"hellaswag"}
    assert scores.schema == section.scores([]).schema
    left_out = section.runs(evaluations)["left_out"]
    assert (scores.filter(metric="acc")["items"] + left_out).to_list() == [10] * 4


def test_summary_shows_values_changes_and_the_verdict(measured, losses) -> None:
    other = Notice("below")
    made = section.summary_section(measured, CHECKS, (other,))
    assert made.lead.startswith("From base to extended, the held-out loss in nats per token")
    assert made.lead.endswith("1 of 2 gates and checks failed: general_loss.")
    assert made.blocks[-1] == other
    notes = [block.content for block in made.blocks if isinstance(block, Text)]
    assert notes[-1].startswith("hellaswag: 7 of 10 items are scored; 3 left out, since an answer")
    found = table(made)
    assert [column.title for column in found.columns] == [
        *("Measure", "base", "annealed", "annealed control", "extended"),
    ]
    first = found.rows[0]
    assert first[0] == Stack((Span("mathematics", "strong"), "target loss, nats per token"))
    before, after = (
        losses.filter(domain="mathematics", checkpoint=name)["loss"].item()
        for name in ("base", "annealed")
    )
    value, change = first[2].lines
    assert value.startswith(f"{after:.3f} ± ")
    assert change.text.lstrip("+\N{MINUS SIGN}") == f"{abs(after - before):.3f}"
    assert change.tone == ("better" if after < before else "worse")
    assert len(first[1].lines) == 1, "the base has no change"


def test_checks_that_failed_come_first(losses) -> None:
    rows = table(section.checks_section(CHECKS)).rows
    assert [row[0] for row in rows] == [Span("failed", "failed"), Span("passed", "passed")]
    assert [row[1] for row in rows] == ["check", "gate"]
    assert section.outcome(CHECKS[:1]) == "All 1 gates and checks passed."


def test_losses_have_a_figure_by_domain_and_one_by_position(tiny_run: Any, losses) -> None:
    positions = tiny_run["held_out_losses"].read("positions")
    made = section.losses_section(losses, positions, {"base": 64})
    assert [block.name for block in made.blocks if isinstance(block, Figure)] == [
        *("losses", "positions"),
    ]


def test_nothing_measured_is_said(measured, losses) -> None:
    scores = section.scores([])
    nothing = replace(measured, losses=losses.clear(), scores=scores)
    summary = section.summary_section(nothing, ())
    assert summary.blocks == (Notice("Nothing has been measured yet."),)
    assert section.checks_section(()).blocks == (Notice("This run declared no checks."),)
    empty = section.losses_section(losses.clear(), losses.clear(), {})
    assert empty.blocks == (Notice("No losses were measured."),)
