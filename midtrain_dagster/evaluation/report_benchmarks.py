"""What the report says of benchmarks: all of them in one table, then what there is to look into."""

from collections.abc import Sequence

import polars as pl

from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    Block,
    Cell,
    Folded,
    Heading,
    Notice,
    PageSection,
    Span,
    Table,
    Text,
    columns,
)
from midtrain_dagster.display.words import spoken
from midtrain_dagster.evaluation import (
    report_answers,
    report_comparison,
    report_curves,
    report_matrix,
    report_profile,
)
from midtrain_dagster.evaluation.items_asked import left_out
from midtrain_dagster.evaluation.method import ACCURACY

VERSION = 1
USES = (report_answers, report_comparison, report_curves, report_matrix, report_profile)


def benchmarks_section(
    scores: pl.DataFrame,
    asked: pl.DataFrame,
    others: Sequence[str] = (),
    clean: pl.DataFrame | None = None,
    above: Sequence[Block] = (),
    below: Sequence[Block] = (),
) -> PageSection:
    """Every score of every checkpoint, with the items that it is of.

    ``scores`` have a ``checkpoint`` beside ``harness.SCORES``; ``asked`` is ``items_asked.ASKED``;
    ``others`` are benchmarks that no checkpoint was asked; ``clean`` are scores beside those on
    items that were found nowhere (``CLEAN_SCORES``). What sums up stands ``above``, what goes into
    it ``below``.
    """
    lead = (
        "Asked through lm-evaluation-harness, on local items, put as its task of the prompt's name "
        "does, or bare: the question alone; after worked examples where the recipe says so. An "
        "item has no part in a score where the recipe's limit ends before it, or where an answer, "
        "or a prompt that is to be continued, alone is longer than the window in which all "
        "checkpoints are compared. A small model that guesses reaches "
        "chance; a difference between two values at chance means nothing."
    )
    texts = [Text(words, note=True) for words in _not_scored(asked, others)]
    if scores.is_empty():
        notice = Notice("No benchmark has a score.")
        return PageSection("benchmarks", "Benchmarks", lead, (notice, *texts))
    items = {(row["checkpoint"], row["benchmark"]): row for row in asked.iter_rows(named=True)}
    rows: list[tuple[Cell, ...]] = []
    before = None
    for row in scores.sort("benchmark", "metric", maintain_order=True).iter_rows(named=True):
        written = numbers.accuracy if row["unit"] == ACCURACY else numbers.loss
        error, measure = row["stderr"], (row["benchmark"], row["metric"])
        # A name is written once, above the rows that share it.
        of = items[row["checkpoint"], row["benchmark"]]
        named = (*measure, of["prompt"])
        (benchmark, metric, prompt), before = ("", "", "") if measure == before else named, measure
        rows.append(
            (
                Span(benchmark, "strong"),
                metric,
                prompt,
                spoken(row["checkpoint"]),
                written(row["value"]),
                numbers.MISSING if error is None else f"± {written(2 * error)}",
                written(row["chance"]),
                _chance(row["at_chance"]),
                *(numbers.count(of[name]) for name in ("scored", "too_long", "beyond_limit")),
            )
        )
    head = ("Benchmark", "Metric", "Prompt", "Checkpoint", "#Value", "#2 s.e.", "#Chance", "")
    table = Table(columns(*head, "#Items scored", "#Too long", "#Beyond the limit"), tuple(rows))
    every = Folded(
        f"Every metric of every checkpoint: {numbers.counted(len(rows), 'score')}", (table,)
    )
    beside = [] if clean is None else _clean(clean, scores)
    blocks = (*above, every, *texts, *beside, *below)
    return PageSection("benchmarks", "Benchmarks", lead, blocks)


def _clean(clean: pl.DataFrame, scores: pl.DataFrame) -> list[Block]:
    """Scores on clean items beside those on all."""
    if clean.is_empty():
        return [Text("No item that was asked was found in the collected documents.", note=True)]
    unit = {(row["benchmark"], row["metric"]): row["unit"] for row in scores.iter_rows(named=True)}
    rows = []
    for row in clean.sort("benchmark", "metric", maintain_order=True).iter_rows(named=True):
        is_share = unit[row["benchmark"], row["metric"]] == ACCURACY
        written = numbers.accuracy if is_share else numbers.loss
        error = row["clean_stderr"]
        rows.append(
            (
                Span(row["benchmark"], "strong"),
                row["metric"],
                spoken(row["checkpoint"]),
                numbers.count(row["items"]),
                written(row["value"]),
                numbers.count(row["clean_items"]),
                written(row["clean_value"]) + ("" if error is None else f" ± {written(2 * error)}"),
            )
        )
    words = (
        "Items that stand in a collected document were searched for and their documents dropped, "
        "so no stage here was trained on them; a base that was given may have been. Scores on the "
        "other items stand beside those on all."
    )
    head = ("Benchmark", "Metric", "Checkpoint", "#Items", "#Value", "#Clean items", "#Clean value")
    return [
        Heading("On items that were found nowhere"),
        Text(words, note=True),
        Table(columns(*head), tuple(rows)),
    ]


def _not_scored(asked: pl.DataFrame, others: Sequence[str]) -> list[str]:
    """What was left out of each benchmark, and those that are not asked, a sentence for each."""
    notes = [
        f"{name}: {words}."
        for name in asked["benchmark"].unique(maintain_order=True)
        if (words := left_out(asked, name))
    ]
    if others:
        notes.append(f"Searched for in the corpus and not asked: {', '.join(others)}.")
    return notes


def _chance(at_chance: bool | None) -> Cell:
    if at_chance is None:
        return None
    if at_chance:
        return Span("at chance", "chance")
    return Span("differs from chance", "same")
