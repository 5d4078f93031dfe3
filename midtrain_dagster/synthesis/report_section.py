"""What synthesis has to say in the report: for each method, what became of the completions, and
examples of what it wrote."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    EXAMPLES,
    Block,
    Card,
    Figure,
    Heading,
    KeyNumber,
    Notice,
    PageSection,
    Text,
    examples,
)
from midtrain_dagster.display.words import excerpt, spoken
from midtrain_dagster.synthesis import assembly, report_plots

VERSION = 3

OUTCOMES = pl.Schema({"reason": pl.String, "count": pl.Int64})


class Synthesised(NamedTuple):
    """What a method made: its ``documents``, and what curation then decided on them."""

    documents: Artifact
    curated: Artifact


def report_section(methods: Mapping[str, Synthesised]) -> PageSection:
    """The section of all methods of a recipe, by name."""
    lead = (
        "Documents that a model wrote from corpus text, or that were put together of it, pass the "
        "same filters as all documents, and filters of their own before that."
    )
    if not methods:
        notice = Notice("This recipe makes no synthetic documents.")
        return PageSection("synthesis", "Synthesis", lead, (notice,))
    kept = sum(_kept(each) for each in methods.values())
    return PageSection(
        "synthesis",
        "Synthesis",
        lead,
        tuple(block for name, each in methods.items() for block in _method(name, each)),
        numbers=(KeyNumber(numbers.count(kept), "synthetic documents kept"),),
    )


def outcomes(documents: Artifact) -> pl.DataFrame:
    """What became of the completions (``OUTCOMES``): ``accepted``, or why not; accepted first."""
    rejected = documents.read("rejects").group_by("reason").agg(count=pl.len())
    accepted = pl.DataFrame({"reason": ["accepted"], "count": [documents.rows("documents")]})
    return pl.concat(
        [
            accepted.cast(OUTCOMES),
            rejected.sort("count", "reason", descending=[True, False]).cast(OUTCOMES),
        ]
    )


def told(outcomes: pl.DataFrame) -> str:
    """What became of the completions (``OUTCOMES``), in a line for a terminal."""
    (_, accepted), *rejected = outcomes.iter_rows()
    why = ", ".join(f"{reason} {count:,}" for reason, count in rejected)
    total = int(outcomes["count"].sum())
    return f"{accepted:,} of {total:,} completions accepted{f': {why}' if why else ''}"


def _kept(made: Synthesised) -> int:
    return int(made.curated.read("decisions")["keep"].sum())


def _method(name: str, made: Synthesised) -> Sequence[Block]:
    accepted, kept = made.documents.rows("documents"), numbers.count(_kept(made))
    if made.documents.has("files"):
        figure = Figure(
            f"synthesis-{name}",
            report_plots.synthesis_outcomes(
                assembly.outcomes(made.documents.read("files")), "files"
            ),
            "Files that were joined are blue; grey ones were left out for the first reason that "
            "holds. No model wrote any of it.",
        )
        words = (
            f"Of the {numbers.count(accepted)} documents that were put together, curation kept "
            f"{kept} to be trained on."
        )
    else:
        figure = Figure(
            f"synthesis-{name}",
            report_plots.synthesis_outcomes(outcomes(made.documents)),
            "Accepted completions are blue; grey ones were rejected for the reason given. A small "
            "yield is no fault in itself, since rejecting is cheap.",
        )
        words = (
            f"Of the {numbers.count(accepted)} documents that were accepted, curation kept "
            f"{kept} to be trained on."
        )
    blocks: list[Block] = [Heading(spoken(name)), figure, Text(words)]
    shown = made.documents.scan("examples").head(EXAMPLES).collect()
    cards = tuple(map(_card, shown.iter_rows(named=True)))
    return [*blocks, *examples(f"{len(cards)} of the documents", cards)]


def _card(example: dict[str, Any]) -> Card:
    """A document with the fields that its method shows of it; what was copied is quoted."""
    fields = example["fields"]
    written = [(each["label"], excerpt(each["text"])) for each in fields if each["generated"]]
    copied = [each["text"] for each in fields if not each["generated"]]
    return Card(fields=tuple(written), quote=excerpt("\n\n".join(copied)) if copied else None)
