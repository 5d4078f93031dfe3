"""What synthesis has to say in the report: what each method took and gave, what became of the
completions, and examples of what it wrote and of what was not taken."""

from collections.abc import Iterator, Mapping, Sequence
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
    Span,
    Table,
    Text,
    columns,
    examples,
)
from midtrain_dagster.display.words import excerpt, spoken
from midtrain_dagster.inference.budget import cost
from midtrain_dagster.inference.generator import GeneratorConfig
from midtrain_dagster.synthesis import assembly, report_judge, report_plots
from midtrain_dagster.synthesis.assembly import Assembly
from midtrain_dagster.synthesis.method import Method

VERSION = 3

OUTCOMES = pl.Schema({"reason": pl.String, "count": pl.Int64})


class Synthesised(NamedTuple):
    """What a method made: its ``documents``, and what curation then decided on them."""

    documents: Artifact
    curated: Artifact
    method: Method | Assembly


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
    asked = {name: each for name, each in methods.items() if not isinstance(each.method, Assembly)}
    return PageSection(
        "synthesis",
        "Synthesis",
        lead,
        (
            *([_overview(asked)] if asked else []),
            Text("The seconds that each took stand at the end of the page.", note=True),
            *(block for name, each in methods.items() for block in _method(name, each)),
        ),
        numbers=(KeyNumber(numbers.count(kept), "synthetic documents kept"),),
    )


def _overview(methods: Mapping[str, Synthesised]) -> Table:
    """What each method that asks a model took and gave, a line each."""
    priced = any(_cost(each) is not None for each in methods.values())
    titles = ("method", "family", "form", "#requests", "#accepted", "#per 1,000", "#kept")
    took = ("#tokens read", "#tokens written", *(["#cost"] if priced else []))
    return Table(
        columns(*titles, *took),
        tuple(
            (
                Span(spoken(name), "strong"),
                _asking(each).FAMILY,
                spoken(_asking(each).FORM),
                numbers.count(_figure(each, "requests")),
                numbers.count(each.documents.rows("documents")),
                numbers.count(round(1000 * _yield(each))),
                numbers.count(_kept(each)),
                numbers.count(_figure(each, "tokens_in")),
                numbers.count(_figure(each, "tokens_out")),
                *([_spoken_cost(each)] if priced else []),
            )
            for name, each in methods.items()
        ),
    )


def _asking(made: Synthesised) -> Method:
    assert not isinstance(made.method, Assembly)
    return made.method


def _figure(made: Synthesised, name: str) -> int:
    value = made.documents.manifest.figures.get(name)
    return int(value) if isinstance(value, int | float) else 0


def _yield(made: Synthesised) -> float:
    """Documents of a request of the first round."""
    return made.documents.rows("documents") / max(_figure(made, "prompts"), 1)


def _cost(made: Synthesised) -> float | None:
    """What the answers cost, where the generator has prices."""
    method = _asking(made)
    took = {each: _figure(made, each) for each in ("tokens_in", "tokens_out")}
    judged = {each: _figure(made, f"judge_{each}") for each in took}
    wrote = _price(method.generator, *(took[each] - judged[each] for each in took))
    if method.judged is None or wrote is None:
        return wrote
    scored = _price(method.judged.generator, *judged.values())
    return None if scored is None else wrote + scored


def _price(generator: GeneratorConfig, tokens_in: int, tokens_out: int) -> float | None:
    price_in, price_out = generator.prices
    if price_in is None or price_out is None:
        return None
    return cost(tokens_in, tokens_out, price_in, price_out)


def _spoken_cost(made: Synthesised) -> str:
    found = _cost(made)
    return numbers.MISSING if found is None else f"{found:,.2f}"


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
    judge = None if isinstance(made.method, Assembly) else made.method.judged
    if judge:
        blocks += map(Text, report_judge.lines(made.documents, judge))
    shown = made.documents.scan("examples").head(EXAMPLES).collect()
    cards = tuple(map(_card, shown.iter_rows(named=True)))
    blocks += examples(f"{len(cards)} of the documents", cards)
    if made.documents.has("rejects"):
        rejected = tuple(_rejects(made.documents))
        blocks += examples("What was not taken, an example of each reason", rejected)
    return blocks


def _rejects(documents: Artifact) -> Iterator[Card]:
    """The first completion that was rejected for each reason, the commonest first."""
    rejects = documents.read("rejects")
    first = rejects.group_by("reason", maintain_order=True).agg(
        pl.len(), completion=pl.col("completion").first()
    )
    ordered = first.sort("len", "reason", descending=[True, False])
    for reason, _, completion in ordered.iter_rows():
        yield Card(labels=(Span(reason, "dropped"),), quote=excerpt(completion))


def _card(example: dict[str, Any]) -> Card:
    """A document with the fields that its method shows of it; what was copied is quoted."""
    fields = example["fields"]
    written = [(each["label"], excerpt(each["text"])) for each in fields if each["generated"]]
    copied = [each["text"] for each in fields if not each["generated"]]
    return Card(fields=tuple(written), quote=excerpt("\n\n".join(copied)) if copied else None)
