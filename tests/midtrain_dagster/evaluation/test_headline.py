"""The before/after table, read from the finished run of the tiny recipe."""

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from assets.report import measurements
from midtrain_dagster.evaluation.headline import (
    Headline,
    Measured,
    Measurements,
    final_checkpoint,
    verdict,
)

TARGETS = ("mathematics",)
NAMES = ["base", "annealed", "annealed/control", "extended"]
MINUS = "\N{MINUS SIGN}"


@pytest.fixture(scope="module")
def measured(tiny_run: Any) -> Measurements:
    return measurements(tiny_run.recipe, tiny_run["report"])


def test_rows_are_targets_general_domains_long_documents_then_benchmarks(measured) -> None:
    assert [(row.label, row.role, row.unit) for row in measured.rows] == [
        ("mathematics", "target", "nats per token"),
        ("web", "general", "nats per token"),
        ("wikipedia", "general", "nats per token"),
        ("beyond 64 tokens", "long", "nats per token"),
        ("hellaswag", "benchmark", "bits per byte of the answer"),
        ("hellaswag", "benchmark", "acc_norm, %"),
    ]
    assert [row.figure for row in measured.rows][-2:] == ["bits per byte", "acc_norm"]
    other = replace(measured, general=(), targets=("web",), window=None)
    assert [row.role for row in other.rows] == [
        "target",
        "domain",
        "domain",
        "benchmark",
        "benchmark",
    ]


def test_rows_hold_the_measured_values_of_every_checkpoint(measured, tiny_run: Any) -> None:
    rows = {row.label: row for row in measured.rows}
    assert measured.losses.height == 3 * len(NAMES)
    for checkpoint, domain, loss, stderr in measured.losses.select(
        "checkpoint", "domain", "loss", "stderr"
    ).iter_rows():
        assert rows[domain].values[checkpoint] == Measured(loss, stderr)
        assert rows[domain].written(checkpoint) == f"{loss:.3f} ± {2 * stderr:.3f}"
    for row in measured.scores.filter(metric="acc_norm").iter_rows(named=True):
        found = rows["hellaswag"].values[row["checkpoint"]]
        assert found == Measured(row["value"], row["stderr"], row["at_chance"])
        assert rows["hellaswag"].short(row["checkpoint"]) == f"{100 * row['value']:.1f} %"
        assert rows["hellaswag"].items == f"{row['items']} of 10 items"
    assert rows["web"].written("soup") == rows["web"].short("soup") == "\N{EN DASH}"
    long = tiny_run["held_out_losses"].read("positions").filter(pl.col("position") >= 64)
    for name in NAMES:
        of_name = long.filter(checkpoint=name)
        mean = (of_name["loss"] * of_name["tokens"]).sum() / of_name["tokens"].sum()
        assert rows["beyond 64 tokens"].values[name].value == pytest.approx(mean)


def test_rows_of_nothing_are_none(measured) -> None:
    nothing = replace(measured, losses=measured.losses.clear(), window=10**6)
    assert replace(nothing, scores=measured.scores.clear()).rows == ()
    assert replace(nothing, scores=measured.scores.with_columns(headline=False)).rows == ()


def test_bits_stand_before_an_accuracy_that_says_nothing(measured) -> None:
    scores, is_share = measured.scores, pl.col("unit") == "accuracy"

    def figures(changed: pl.DataFrame) -> list[str]:
        rows = replace(measured, scores=changed).rows
        return [row.figure for row in rows if row.role == "benchmark"]

    none_right = scores.with_columns(
        value=pl.when(is_share).then(0.0).otherwise("value"), at_chance=pl.lit(None, pl.Boolean)
    )
    assert figures(none_right) == ["bits per byte", "acc_norm"]
    one_right = none_right.with_columns(
        value=pl.when(is_share, checkpoint="base").then(0.1).otherwise("value")
    )
    assert figures(one_right) == ["acc_norm"]
    surer = scores.with_columns(at_chance=pl.col("at_chance") & (pl.col("checkpoint") != "base"))
    assert figures(surer) == ["acc_norm"]
    bits = scores.with_columns(headline=pl.col("metric") == "bits_per_byte")
    assert figures(bits) == ["bits per byte"], "which is its own figure"


def test_checkpoints_keep_their_order(measured) -> None:
    assert measured.checkpoints == NAMES


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


def test_verdict_is_computed_from_the_table(measured) -> None:
    losses = measured.losses
    told = " ".join(verdict(measured.rows, NAMES))
    before, after = (mean(losses, name, TARGETS) for name in ("base", "extended"))
    side = "fell" if after < before else "rose"
    assert f"on target domains (mathematics) {side} from {before:.3f} to {after:.3f}" in told
    assert "and on general domains (web, wikipedia)" in told
    gained = mean(losses, "annealed", TARGETS) - mean(losses, "annealed/control", TARGETS)
    side = "lower" if gained < 0 else "higher"
    assert f"Against its control annealed is {abs(gained):.3f} {side} on target domains" in told
    assert "beyond 64 tokens of long documents." in told


def test_verdict_says_what_rose_and_what_is_guessed(measured) -> None:
    worse = measured.losses.with_columns(
        loss=pl.when(checkpoint="extended").then(9.0).otherwise("loss"),
    )
    guessed = measured.scores.with_columns(at_chance=True)
    told = " ".join(verdict(replace(measured, losses=worse, scores=guessed).rows, NAMES))
    assert f"rose from {mean(measured.losses, 'base', TARGETS):.3f} to 9.000 (+" in told
    assert "At chance before and after: hellaswag." in told


def test_verdict_of_one_checkpoint_compares_nothing(measured) -> None:
    alone = measured.losses.filter(checkpoint=NAMES[0])
    rows = replace(measured, losses=alone, scores=measured.scores.clear()).rows
    assert verdict(rows, NAMES[:1]) == []
