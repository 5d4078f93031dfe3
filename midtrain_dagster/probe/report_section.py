"""What the probe has to say in the report: what was not known by topic, how seeds were drawn for
it, and what is known after training."""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    Block,
    Heading,
    KeyNumber,
    PageSection,
    Span,
    Table,
    Text,
    columns,
)
from midtrain_dagster.display.words import spoken
from midtrain_dagster.probe.knowledge import by_topic, changes

VERSION = 1

EVERY = "all topics"

Drawn = Mapping[str, pl.DataFrame]
"""By method of synthesis: ``topic``, ``evenly`` and ``drawn``."""


def report_section(
    gaps: pl.DataFrame, answers: pl.DataFrame, drawn: Drawn, *, before: str, chance: float
) -> PageSection:
    """The section of a recipe with a probe.

    Args:
        gaps: the table of ``probe/gaps``.
        answers: of every checkpoint to the held-out questions (``knowledge.ANSWERS``).
        drawn: the seeds of each method that draws towards what is not known.
        before: the checkpoint that the others are compared with.
        chance: the share that guessing gets right.
    """
    lead = (
        f"Cloze questions of curated documents, scored by likelihood; guessing gets "
        f"{numbers.share(chance)} right. What is drawn is chosen by questions of documents that "
        "are trained on; what is measured are others, of held-out documents."
    )
    heads, rows = gap_rows(gaps, drawn)
    after = change_rows(gaps, answers, before)
    blocks: list[Block] = [
        Heading(f"What {spoken(before)} does not know"),
        Table(columns(*heads), tuple(tuple(row) for row in rows)),
        Text(
            "The gap is the share of questions that are not known, guesses taken out and few "
            "questions drawn towards the mean. ± is two standard errors.",
            note=True,
        ),
        Heading("Held-out questions, before and after"),
        Table(columns(*after[0]), tuple((Span(row[0], "strong"), *row[1:]) for row in after[1])),
        Text(verdict(answers, before)),
    ]
    every = by_topic(answers.with_columns(topic=pl.lit(0, pl.UInt16)))
    first = every.filter(checkpoint=before)["share"]
    key = KeyNumber(numbers.share(first[0] if len(first) else None), "held-out cloze right before")
    return PageSection("probe", "Probe", lead, tuple(blocks), numbers=(key,))


def gap_rows(gaps: pl.DataFrame, drawn: Drawn) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Heads and rows of what is not known: a row a topic, the largest gap first."""
    heads = ("topic", "#documents", "#questions", "#right", "#gap", "#weight")
    rows = []
    for row in gaps.sort("gap", "topic", descending=[True, False]).iter_rows(named=True):
        told = [f"{row['topic'] + 1} {row['name']}", numbers.count(row["documents"])]
        told += [numbers.count(row["questions"]), _with_error(row["share"], row["stderr"])]
        told += [numbers.decimal(row["gap"]), numbers.decimal(row["weight"])]
        for table in drawn.values():
            found = table.filter(topic=row["topic"]).select("drawn", "evenly").rows()
            told.append(f"{found[0][0]:,} ({found[0][1]:.1f})" if found else numbers.MISSING)
        rows.append(tuple(told))
    return (*heads, *(f"#seeds of {spoken(name)} (evenly)" for name in drawn)), rows


def change_rows(
    gaps: pl.DataFrame, answers: pl.DataFrame, before: str
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Heads and rows of what is known: a row a topic and one of all; a column a checkpoint, with
    its change since ``before``."""
    names = answers["checkpoint"].unique(maintain_order=True).to_list()
    others = [name for name in names if name != before]
    every = answers.with_columns(topic=pl.lit(None, pl.UInt16))
    shares = {
        (row["checkpoint"], row["topic"]): row
        for row in by_topic(pl.concat([answers, every])).iter_rows(named=True)
    }
    moved = {
        (row["checkpoint"], row["topic"]): row
        for row in changes(answers, before=before).iter_rows(named=True)
    }
    rows = []
    for topic, name in [*gaps.select("topic", "name").iter_rows(), (None, EVERY)]:
        first = shares.get((before, topic))
        if first is None:
            continue
        row = [name if topic is None else f"{topic + 1} {name}", numbers.count(first["questions"])]
        row.append(_with_error(first["share"], first["stderr"]))
        row += [_changed(shares[other, topic]["share"], moved[other, topic]) for other in others]
        rows.append(tuple(row))
    return ("topic", "#questions", *(f"#{spoken(name)}" for name in (before, *others))), rows


def verdict(answers: pl.DataFrame, before: str) -> str:
    """Of each other checkpoint whether it knows more than before, or no more than noise."""
    return " ".join(_verdicts(changes(answers, before=before).filter(pl.col("topic").is_null())))


def _verdicts(every: pl.DataFrame) -> Iterator[str]:
    for row in every.iter_rows(named=True):
        bound = 2 * (row["stderr"] or 0.0)
        what = "knows more" if row["change"] > bound else "knows less"
        if abs(row["change"]) <= bound:
            what = "differs by no more than two standard errors"
        yield f"{spoken(row['checkpoint'])} {what} ({_points(row['change'], row['stderr'])})."


def _with_error(share: float | None, stderr: float | None) -> str:
    if share is None:
        return numbers.MISSING
    return f"{numbers.accuracy(share)} ± {numbers.accuracy(2 * stderr) if stderr else '0.0%'}"


def _changed(share: float, moved: Mapping[str, float]) -> str:
    return f"{numbers.accuracy(share)} ({_points(moved['change'], moved['stderr'])})"


def _points(change: float, stderr: float | None) -> str:
    """A difference of shares in points of a hundred, with two standard errors."""
    return f"{numbers.change(100 * change, 1)} ± {200 * (stderr or 0.0):.1f}"


def examples(items: pl.DataFrame, count: int) -> Sequence[tuple[str, str, str]]:
    """Questions to look at: the text with its blank, the right answer, the wrong ones."""
    shown = []
    for row in items.head(count).iter_rows(named=True):
        answers = list(row["answers"])
        right = answers.pop(row["right"])
        shown.append((f"{row['before']} ____{row['after']}", right, ", ".join(answers)))
    return shown
