"""Small generators beside their teachers: what each learnt, and what each got for its requests."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    Block,
    Cell,
    Heading,
    Seconds,
    Span,
    Stack,
    Table,
    Text,
    columns,
)
from midtrain_dagster.display.words import spoken

VERSION = 1

LEFT_OUT = "left_out_"
"""What the figures of a small generator begin with that count what it did not learn, by reason."""


class Trained(NamedTuple):
    """A small generator that was trained, and who asks it."""

    generator: Artifact
    teacher: str
    students: tuple[str, ...]
    """The methods that ask it."""


def trained(
    generators: Mapping[str, Artifact], teachers: Mapping[str, str], asked: Mapping[str, str | None]
) -> dict[str, Trained]:
    """Each small generator with its teacher and its students; ``asked`` is the one that each method
    asks, None for another generator."""
    return {
        name: Trained(made, teachers[name], tuple(each for each, by in asked.items() if by == name))
        for name, made in generators.items()
    }


def blocks(small: Mapping[str, Trained], documents: Mapping[str, Artifact]) -> tuple[Block, ...]:
    """A table of what each learnt, and one with a line a teacher and student; nothing for none.

    ``documents`` are those of all methods, by name.
    """
    if not small:
        return ()
    learnt = Table(
        columns(
            *("small generator", "pairs of", "#pairs", "not learnt", "#tokens a pass", "#steps"),
            *("#last loss", "#seconds"),
        ),
        tuple(_learnt(name, each) for name, each in small.items()),
    )
    compared = Table(
        columns(
            *("method", "asks", "#first requests", "#accepted", "#per 1,000"),
            *("#tokens read a request", "#tokens written a request", "#seconds"),
        ),
        tuple(row for name, each in small.items() for row in _compared(name, each, documents)),
    )
    return (
        Heading("Small generators"),
        learnt,
        Text(
            "Learnt are prompts with the answers that led to documents which curation kept, "
            "without what all prompts begin with. Loss is in nats per token of an answer, the "
            "mean of the last tenth of the steps.",
            note=True,
        ),
        compared,
        Text(
            "A student is asked about documents that its teacher was not asked about. Requests "
            "and tokens are those of all rounds, the yield is counted by the first.",
            note=True,
        ),
    )


def _learnt(name: str, made: Trained) -> tuple[Cell, ...]:
    figures = made.generator.manifest.figures
    lost = {
        reason.removeprefix(LEFT_OUT): count
        for reason, count in figures.items()
        if reason.startswith(LEFT_OUT) and isinstance(count, int) and count
    }
    return (
        Span(spoken(name), "strong"),
        spoken(made.teacher),
        numbers.count(_count(figures, "pairs")),
        Stack(tuple(f"{spoken(reason)} {count:,}" for reason, count in lost.items()) or ("none",)),
        numbers.count(_count(figures, "pair_tokens")),
        numbers.count(_count(figures, "steps")),
        f"{figures['last_loss']}",
        Seconds(f"generator/{name}"),
    )


def _compared(
    name: str, made: Trained, documents: Mapping[str, Artifact]
) -> Iterator[tuple[Cell, ...]]:
    for method in (made.teacher, *made.students):
        who = f"small generator {spoken(name)}" if method in made.students else "teacher"
        figures = documents[method].manifest.figures
        first, requests = _count(figures, "prompts"), max(_count(figures, "requests"), 1)
        accepted = documents[method].rows("documents")
        yield (
            Span(spoken(method), "strong"),
            who,
            numbers.count(first),
            numbers.count(accepted),
            numbers.count(round(1000 * accepted / max(first, 1))),
            numbers.count(round(_count(figures, "tokens_in") / requests)),
            numbers.count(round(_count(figures, "tokens_out") / requests)),
            Seconds(f"synthesis/{method}/documents"),
        )


def _count(figures: Mapping[str, Any], name: str) -> int:
    value = figures.get(name)
    return int(value) if isinstance(value, int | float) else 0
