"""The before/after table, read from the finished run of the tiny recipe."""

from typing import Any

import polars as pl
import pytest

from midtrain_dagster.evaluation.headline import (
    Headline,
    Measured,
    checkpoints,
    final_checkpoint,
    headline,
    verdict,
)
from midtrain_dagster.evaluation.report_section import scores

GENERAL, TARGETS = ("web", "wikipedia"), ("mathematics",)
NAMES = ["base", "annealed", "annealed/control", "extended"]
MINUS = "\N{MINUS SIGN}"


@pytest.fixture(scope="module")
def losses(tiny_run: Any) -> pl.DataFrame:
    return tiny_run["held_out_losses"].read("losses")


@pytest.fixture(scope="module")
def scored(tiny_run: Any) -> pl.DataFrame:
    return scores(tiny_run.artifacts["evaluation"].values())


def test_headline_has_targets_then_general_domains_then_benchmarks(losses, scored) -> None:
    rows = headline(losses, scored, GENERAL, TARGETS)
    assert [(row.label, row.role, row.unit) for row in rows] == [
        ("mathematics", "target", "nats per token"),
        ("web", "general", "nats per token"),
        ("wikipedia", "general", "nats per token"),
        ("hellaswag", "benchmark", "acc_norm, %"),
    ]
    assert [row.role for row in headline(losses, scored, (), ("web",))][:3] == [
        "target",
        "domain",
        "domain",
    ]


def test_headline_holds_the_measured_values_of_every_checkpoint(losses, scored) -> None:
    rows = {row.label: row for row in headline(losses, scored, GENERAL, TARGETS)}
    assert losses.height == 3 * len(NAMES)
    for checkpoint, domain, loss, stderr in losses.select(
        "checkpoint", "domain", "loss", "stderr"
    ).iter_rows():
        assert rows[domain].values[checkpoint] == Measured(loss, stderr)
        assert rows[domain].written(checkpoint) == f"{loss:.3f} ± {2 * stderr:.3f}"
    for row in scored.filter(metric="acc_norm").iter_rows(named=True):
        measured = rows["hellaswag"].values[row["checkpoint"]]
        assert measured == Measured(row["value"], row["stderr"], row["at_chance"])
        assert rows["hellaswag"].short(row["checkpoint"]) == f"{100 * row['value']:.1f} %"
    assert rows["web"].written("soup") == rows["web"].short("soup") == "\N{EN DASH}"


def test_headline_of_nothing_is_empty(losses, scored) -> None:
    assert headline(losses.clear(), scored.clear()) == ()
    assert headline(losses.clear(), scored.with_columns(headline=False)) == ()


def test_checkpoints_keep_their_order(losses, scored) -> None:
    assert checkpoints(losses, scored) == NAMES


def test_final_checkpoint_is_no_control_and_no_further_seed() -> None:
    assert final_checkpoint(NAMES) == "extended"
    assert final_checkpoint([*NAMES[:3], "annealed/seed_2"]) == "annealed"
    assert final_checkpoint([*NAMES, "soup"]) == "soup"


@pytest.mark.parametrize(
    ("role", "higher", "moved", "written", "better"),
    [
        ("target", False, -0.56, f"{MINUS}0.560", True),
        ("general", False, 0.012, "+0.012", False),
        ("general", False, 0.0003, "0.000", None),
        ("benchmark", True, 0.08, "+8.0", True),
        ("benchmark", True, 0.03, "+3.0", None),
        ("benchmark", True, -0.08, f"{MINUS}8.0", False),
    ],
)
def test_change_is_better_or_worse_beyond_its_error(
    role: str, higher: bool, moved: float, written: str, better: bool | None
) -> None:
    """The error of a difference counts for benchmarks only: losses are of the same documents."""
    values = {"a": Measured(0.4, 0.02), "b": Measured(0.4 + moved, 0.02)}
    row = Headline("x", role, "", higher, values)
    assert row.better("b", "a") is better
    assert row.written_change("b", "a") == written
    assert row.change("b", "elsewhere") is None


def mean(losses: pl.DataFrame, checkpoint: str, domains: tuple[str, ...]) -> float:
    chosen = losses.filter(pl.col("domain").is_in(domains), checkpoint=checkpoint)
    return chosen["loss"].mean()  # type: ignore[return-value]


def test_verdict_is_computed_from_the_table(losses, scored) -> None:
    told = " ".join(verdict(headline(losses, scored, GENERAL, TARGETS), NAMES))
    before, after = (mean(losses, name, TARGETS) for name in ("base", "extended"))
    side = "fell" if after < before else "rose"
    assert f"on target domains (mathematics) {side} from {before:.3f} to {after:.3f}" in told
    assert "and on general domains (web, wikipedia)" in told
    gained = mean(losses, "annealed", TARGETS) - mean(losses, "annealed/control", TARGETS)
    side = "below" if gained < 0 else "above"
    assert f"On target domains annealed is {abs(gained):.3f} {side} its control." in told


def test_verdict_says_what_rose_and_what_is_guessed(losses, scored) -> None:
    worse = losses.with_columns(
        loss=pl.when(checkpoint="extended").then(9.0).otherwise("loss"),
    )
    guessed = scored.with_columns(at_chance=True)
    told = " ".join(verdict(headline(worse, guessed, GENERAL, TARGETS), NAMES))
    assert f"rose from {mean(losses, 'base', TARGETS):.3f} to 9.000 (+" in told
    assert "At chance before and after: hellaswag." in told
