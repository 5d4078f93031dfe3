"""All benchmarks in one table: a row a figure, a column a checkpoint, and how sure changes are.

A stage that was trained with several seeds has a column of its own for them. Its deviation is
between runs, and no part of the errors, which are over items.
"""

from typing import Any

import polars as pl

from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    Block,
    Cell,
    Column,
    Heading,
    Line,
    Span,
    Stack,
    Table,
    Text,
    Tone,
)
from midtrain_dagster.display.words import before_tuning, is_seed, spoken
from midtrain_dagster.evaluation import comparison
from midtrain_dagster.evaluation.headline import says_nothing
from midtrain_dagster.evaluation.method import ACCURACY, BITS
from midtrain_dagster.evaluation.report_comparison import change, points, probability

VERSION = 1
USES = (comparison,)

WORDS = (
    "Each benchmark by its method's figure and by the bits per byte of its answers (fewer are "
    "better), ± two standard errors over items. Where no checkpoint can be told from one that "
    "guesses, the bits per byte stand first. Below a value is what it is held against: a stage "
    "against its control and its start, a soup against what it was made of, a fine-tuned "
    "checkpoint against those fine-tuned alike; “better” and “worse” are at 5 % of the paired "
    "differences, after Holm's correction over the benchmarks of the pair."
)

SEEDS_WORDS = (
    "A column of several seeds has their mean and one standard deviation of a run: how far another "
    "seed alone may move a figure, which no error over items knows."
)

TONES: dict[str, Tone] = {"better": "better", "worse": "worse", "undecided": "same"}


def matrix_blocks(scores: pl.DataFrame, compared: pl.DataFrame, seeds: pl.DataFrame) -> list[Block]:
    """The table of ``harness.SCORES`` with a ``checkpoint``, of ``comparison.COMPARISONS`` and
    ``SEEDS``; nothing where there is no score."""
    if scores.is_empty():
        return []
    every = scores["checkpoint"].unique(maintain_order=True).to_list()
    shown = [name for name in every if not is_seed(before_tuning(name))]
    spread = seeds["stage"].unique(maintain_order=True).to_list()
    heads = [
        head
        for name in shown
        for head in (name, *([(name,)] if name in spread else []))  # a tuple: its seeds
    ]
    cells = _Cells(scores, compared, seeds)
    rows = [
        (_named(*measure), *(cells.of(head, measure) for head in heads))
        for measure in measures(scores)
    ]
    titles = [_title(head, seeds) for head in heads]
    table = Table(
        (Column("Benchmark"), *(Column(title, number=True) for title in titles)), tuple(rows)
    )
    words = [WORDS, *([SEEDS_WORDS] if spread else [])]
    return [
        Heading("Every benchmark, every checkpoint"),
        *(Text(each, note=True) for each in words),
        table,
    ]


def measures(scores: pl.DataFrame) -> list[tuple[str, str, str]]:
    """Benchmark, metric and unit of each row: a benchmark's figure and its bits per byte, these
    first where the figure tells nobody from one that guesses."""
    found: list[tuple[str, str, str]] = []
    for part in scores.partition_by("benchmark", maintain_order=True):
        told = part.filter(pl.col("headline") | (pl.col("unit") == BITS))
        headline = told.filter("headline")
        first = not (headline.height and says_nothing(headline))
        ordered = told.sort("headline", descending=first, maintain_order=True)
        found += ordered.select("benchmark", "metric", "unit").unique(maintain_order=True).rows()
    return found


Head = str | tuple[str]
"""Of a column: a checkpoint; in a tuple, all seeds of a stage."""


class _Cells:
    def __init__(self, scores: pl.DataFrame, compared: pl.DataFrame, seeds: pl.DataFrame) -> None:
        measure = ("benchmark", "metric", "unit")
        key, of_stage = ("checkpoint", *measure), ("stage", *measure)
        self.scores = scores.rows_by_key(key, named=True, include_key=True, unique=True)
        self.compared = compared.rows_by_key(key, named=True, include_key=True)
        self.seeds = seeds.rows_by_key(of_stage, named=True, include_key=True, unique=True)

    def of(self, head: Head, measure: tuple[str, str, str]) -> Cell:
        """A checkpoint's value with what it is held against, or the mean over seeds."""
        if isinstance(head, tuple):
            found = self.seeds.get((*head, *measure))
            return numbers.MISSING if found is None else _spread(found)
        score = self.scores.get((head, *measure))
        if score is None or score["value"] is None:
            return numbers.MISSING
        error = score["stderr"]
        value = _written(score["value"], score["unit"])
        lines: list[Line] = [
            value if error is None else f"{value} ± {_written(2 * error, score['unit'])}"
        ]
        if score["at_chance"]:
            lines.append(Span("at chance", "chance"))
        lines += [_held(row) for row in self.compared.get((head, *measure), [])]
        return Stack(tuple(lines))


def _held(row: dict[str, Any]) -> Span:
    """What a value is held against, and how that ends."""
    other = spoken(row["against"])
    if row["at_chance"]:
        return Span(f"{other}: both at chance", "chance")
    moved = change(row["difference"], row["unit"])
    told = f"{moved} to {other}, {row['outcome']}"
    where = "" if row["low"] is None else f"95 %: {points(row)}; "
    title = f"{where}p (Holm) {probability(row['p_holm'])}; {numbers.counted(row['items'], 'item')}"
    return Span(told, TONES[row["outcome"]], title)


def _spread(row: dict[str, Any]) -> Stack:
    mean, deviation, least, greatest = (
        _written(row[name], row["unit"]) for name in ("mean", "deviation", "least", "greatest")
    )
    return Stack((mean, f"deviation {deviation}", f"{least} to {greatest}"))


def _named(benchmark: str, metric: str, unit: str) -> Stack:
    note = f"{metric}, %" if unit == ACCURACY else unit
    return Stack((Span(benchmark, "strong"), note))


def _title(head: Head, seeds: pl.DataFrame) -> str:
    if isinstance(head, str):
        return spoken(head)
    count = max(seeds.filter(pl.col("stage") == head[0])["seeds"].to_list())
    return f"{spoken(head[0])}, {count} seeds"


def _written(value: float, unit: str) -> str:
    return f"{100 * value:.1f}" if unit == ACCURACY else numbers.loss(value)
