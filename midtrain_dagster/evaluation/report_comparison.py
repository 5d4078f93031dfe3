"""What the report says of differences between checkpoints: how large, how sure, and over seeds."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    Block,
    Cell,
    Folded,
    Heading,
    Span,
    Table,
    Text,
    Tone,
    columns,
)
from midtrain_dagster.display.words import spoken
from midtrain_dagster.evaluation import comparison, item_groups
from midtrain_dagster.evaluation.comparison import POINT
from midtrain_dagster.evaluation.method import ACCURACY

VERSION = 2
USES = (comparison, item_groups)

WORDS = (
    "Each stage is held against its control and against its start, each soup against what it was "
    "made of, and what fine-tuning made of them alike, on the items that both were asked. The "
    "interval has 95 %, of paired differences, clustered where items share a passage or a group. "
    "“Better” and “worse” are at 5 % after Holm's correction over the benchmarks of a "
    "pair and their bits per byte; what is undecided is followed by how many such items would show "
    "a difference of one point (one per cent of the items, or 0.01 bit per byte) four times of "
    "five. Two values at chance are never told apart."
)

SEEDS_WORDS = (
    "The same stage with other seeds: one standard deviation of a run, and the range. The errors "
    "above are over items and hold none of this."
)

HEAD = ("Checkpoint", "Against", "Benchmark", "Metric", "#Difference", "#95 %", "#p (Holm)", "")


def comparison_blocks(compared: pl.DataFrame, seeds: pl.DataFrame) -> list[Block]:
    """Differences (``comparison.COMPARISONS``), and the spread over seeds (``SEEDS``); what there
    is none of is left out."""
    blocks: list[Block] = []
    if compared.height:
        head = columns(*HEAD, "#Items")
        rows = tuple(
            (Span(each[0], "strong"), *each[1:7], _toned(row), each[8])
            for each, row in zip(
                comparison_rows(compared), compared.iter_rows(named=True), strict=True
            )
        )
        unpaired = [Text(words, note=True) for words in _unpaired(compared)]
        every = Folded(numbers.counted(len(rows), "difference"), (Table(head, rows), *unpaired))
        blocks += [Heading("Differences, item by item"), Text(WORDS, note=True), every]
    if seeds.height:
        head = columns("Stage", "Benchmark", "Metric", "#Seeds", "#Mean", "#Deviation", "#Range")
        blocks += [
            Heading("Over seeds"),
            Text(SEEDS_WORDS, note=True),
            Table(head, tuple(map(_seeds_row, seeds.iter_rows(named=True)))),
        ]
    return blocks


def comparison_rows(compared: pl.DataFrame) -> list[tuple[str, ...]]:
    """Differences as texts, by ``HEAD`` and the number of items."""
    return [
        (
            spoken(row["checkpoint"]),
            spoken(row["against"]),
            row["benchmark"],
            row["metric"],
            change(row["difference"], row["unit"]),
            points(row),
            probability(row["p_holm"]),
            certainty(row),
            numbers.count(row["items"]),
        )
        for row in compared.iter_rows(named=True)
    ]


def certainty(row: dict[str, object]) -> str:
    """What a row of ``COMPARISONS`` says: better, worse, or undecided and what would decide it."""
    if row["at_chance"]:
        return "both at chance"
    needed = row["items_for_point"]
    if row["outcome"] != "undecided" or not isinstance(needed, int):
        return str(row["outcome"])
    point = "one point" if row["unit"] == ACCURACY else f"{POINT} bit per byte"
    return f"undecided ({numbers.count(needed)} items would show {point})"


def _toned(row: dict[str, object]) -> Cell:
    tones: dict[object, Tone] = {"better": "better", "worse": "worse", "undecided": "same"}
    return Span(certainty(row), "chance" if row["at_chance"] else tones[row["outcome"]])


def change(value: float | None, unit: str) -> str:
    """A difference: of accuracies in points, of others as it is."""
    if value is None or unit != ACCURACY:
        return numbers.change(value)
    return numbers.change(100 * value, 1)


def points(row: Mapping[str, Any]) -> str:
    """The interval of a row of ``COMPARISONS``; a dash where it has none."""
    if row["low"] is None:
        return numbers.MISSING
    return f"{change(row['low'], row['unit'])} to {change(row['high'], row['unit'])}"


def probability(p: float | None) -> str:
    """A p-value, three decimals."""
    if p is None:
        return numbers.MISSING
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def _unpaired(compared: pl.DataFrame) -> Iterator[str]:
    for row in compared.filter(pl.col("unpaired") > 0).iter_rows(named=True):
        yield (
            f"{row['benchmark']}, {row['metric']}: {numbers.counted(row['unpaired'], 'item')} that "
            f"only one of {spoken(row['checkpoint'])} and {spoken(row['against'])} was asked have "
            "no part in the difference."
        )


def _seeds_row(row: dict[str, object]) -> tuple[Cell, ...]:
    written = numbers.accuracy if row["unit"] == ACCURACY else numbers.loss
    mean, deviation, least, greatest = (
        written(row[name])  # type: ignore[arg-type]
        for name in ("mean", "deviation", "least", "greatest")
    )
    return (
        Span(spoken(str(row["stage"])), "strong"),
        str(row["benchmark"]),
        str(row["metric"]),
        str(row["seeds"]),
        mean,
        deviation,
        f"{least} to {greatest}",
    )
