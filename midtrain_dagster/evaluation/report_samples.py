"""The report's section on samples: each beginning, and how every checkpoint goes on."""

import polars as pl

from midtrain_dagster.display.blocks import (
    Block,
    Folded,
    Notice,
    PageSection,
    Span,
    Table,
    Text,
    columns,
)
from midtrain_dagster.display.words import excerpt, spoken
from midtrain_dagster.evaluation.samples import OF_THE_RECIPE

VERSION = 1

LEAD = (
    "The same beginnings continued by every checkpoint, greedily. They are anecdotes, to be read "
    "beside the losses and scores, not in their place."
)


def samples_section(samples: pl.DataFrame) -> PageSection:
    """Every prompt with its continuations (``samples.SAMPLES``); the first is open."""
    if samples.is_empty():
        notice = Notice("No held-out document is long enough to be continued.")
        return PageSection("samples", "Samples", LEAD, (notice,))
    prompts = samples.partition_by("origin", "prompt", maintain_order=True)
    first, *others = prompts
    blocks: tuple[Block, ...] = (Text(Span(_title(first), "strong")), *_continued(first))
    folded = tuple(Folded(_title(each), _continued(each)) for each in others)
    return PageSection("samples", "Samples", LEAD, blocks + folded)


def _title(samples: pl.DataFrame) -> str:
    origin = samples["origin"][0]
    return "a prompt of the recipe" if origin == OF_THE_RECIPE else f"a held-out document: {origin}"


def _continued(samples: pl.DataFrame) -> tuple[Block, ...]:
    rows = [
        (Span(spoken(checkpoint), "strong"), _shown(text))
        for checkpoint, text in samples.select("checkpoint", "continuation").iter_rows()
    ]
    if samples["document"][0] is not None:
        rows.append((Span("the document itself", "muted"), excerpt(samples["document"][0])))
    begins = Text((Span("… begins: ", "muted"), excerpt(samples["prompt"][0])))
    return begins, Table(columns("Continued by", "Text"), tuple(rows))


def _shown(text: str) -> Span | str:
    """A continuation; a small model may write nothing that can be seen."""
    if text.strip():
        return excerpt(text)
    return Span(f"{len(text)} characters of white space" if text else "nothing", "muted")
