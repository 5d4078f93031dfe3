"""What microanneals have to say in the report: each candidate's verdict, and what it rests on."""

from collections.abc import Mapping

import polars as pl

from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    Cell,
    Column,
    Heading,
    Outcome,
    PageSection,
    Span,
    Table,
    Text,
)
from midtrain_dagster.experiments.microanneals.decisions import GENERAL

VERSION = 1

OUTCOMES: Mapping[str, Outcome] = {"accept": "better", "reject": "worse", "undecided": "same"}
"""How a verdict looks."""

VERDICT_HEADS = ("candidate", "verdict", "why", "runs", "failed", "tokens")

DECISION_HEADS = (
    *("candidate", "after", "target", "effect", "interval", "spread", "seeds", "verdict"),
    "what would decide",
)


def verdict_rows(verdicts: pl.DataFrame) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The table of verdicts (``decisions.VERDICTS``) as it is written: heads and rows."""
    rows: list[tuple[str, ...]] = [
        (
            row["candidate"],
            row["verdict"],
            row["reason"],
            numbers.count(row["runs"]),
            numbers.count(row["failed"]),
            numbers.count(row["tokens"]),
        )
        for row in verdicts.iter_rows(named=True)
    ]
    return VERDICT_HEADS, rows


def decision_rows(decisions: pl.DataFrame) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The table of decisions (``decisions.DECISIONS``) as it is written: heads and rows."""
    rows: list[tuple[str, ...]] = [
        (
            row["candidate"],
            row["phase"].replace("_", "-"),
            row["target"],
            numbers.change(row["effect"]),
            _interval(row["low"], row["high"]),
            numbers.loss(row["spread"]),
            numbers.count(row["pairs"]),
            row["verdict"],
            row["note"] or "",
        )
        for row in decisions.iter_rows(named=True)
    ]
    return DECISION_HEADS, rows


def report_section(found: Mapping[str, Mapping[str, pl.DataFrame]]) -> PageSection:
    """The verdicts and decisions of each section of microanneals, by its name; of each its tables
    ``verdicts``, ``decisions`` and ``runs``."""
    blocks: list[Heading | Text | Table] = []
    for name, tables in found.items():
        heads, rows = verdict_rows(tables["verdicts"])
        columns, decided = decision_rows(tables["decisions"])
        blocks += [
            Heading(name),
            Table(_columns(heads), tuple(_row(heads, row) for row in rows)),
            Table(_columns(columns), tuple(_row(columns, row) for row in decided)),
        ]
        blocks += [Text(line, note=True) for line in failures(tables["runs"])]
    return PageSection(
        "microanneals",
        "Microanneals",
        "From one checkpoint the rate falls to 0 over a few tokens, with a candidate among them "
        f"and with general tokens alone. The effect is the difference, paired by seed; below 0 it "
        f"helps. “{GENERAL}” is the loss on general domains, by their shares.",
        tuple(blocks),
    )


def failures(runs: pl.DataFrame) -> list[str]:
    """A line for each run that failed: it is left out of the decisions."""
    failed = runs.filter(pl.col("failed").is_not_null())
    return [
        f"{row['candidate']}, seed {row['seed']}, failed and is left out: {row['failed']}"
        for row in failed.iter_rows(named=True)
    ]


def _interval(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return numbers.MISSING
    return f"{numbers.change(low)} to {numbers.change(high)}"


NUMBERS = {"effect", "interval", "spread", "seeds", "runs", "failed", "tokens"}


def _columns(heads: tuple[str, ...]) -> tuple[Column, ...]:
    return tuple(Column(head.capitalize(), number=head in NUMBERS) for head in heads)


def _row(heads: tuple[str, ...], row: tuple[str, ...]) -> tuple[Cell, ...]:
    return tuple(_cell(head, text) for head, text in zip(heads, row, strict=True))


def _cell(head: str, text: str) -> Cell:
    if head == "verdict":
        return Span(text, OUTCOMES[text])
    return Span(text, "strong") if head == "candidate" else text
