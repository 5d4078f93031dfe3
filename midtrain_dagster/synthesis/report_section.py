"""What synthesis has to say in the report: what each method took and gave, its share of each stage,
what became of the completions, and examples of what it wrote and of what was not taken."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import (
    Block,
    Card,
    Cell,
    Figure,
    Heading,
    KeyNumber,
    Line,
    Notice,
    PageSection,
    Seconds,
    Span,
    Stack,
    Table,
    Text,
    columns,
    examples,
    short_id,
)
from midtrain_dagster.display.words import excerpt, spoken
from midtrain_dagster.inference.budget import cost
from midtrain_dagster.inference.generator import MethodGenerator
from midtrain_dagster.synthesis import (
    assembly,
    report_judge,
    report_plots,
    report_shares,
    report_small,
)
from midtrain_dagster.synthesis.assembly import Assembly
from midtrain_dagster.synthesis.method import Method

VERSION = 5
USES = (report_shares, report_small)

OUTCOMES = pl.Schema({"reason": pl.String, "count": pl.Int64})

EXAMPLES = 3
"""Documents of a method that are shown beside what they were made of."""

SEEDS = 4
"""Seeds of a document that are named."""

STEP = "step_"
"""What the figures of a method begin with that count a step: ``LEFT of ENTERED``."""

REASONS = 4
"""Reasons for rejects that a method's line names, the commonest."""


class Synthesised(NamedTuple):
    """What a method made: its ``documents``, and what curation then decided on them."""

    documents: Artifact
    curated: Artifact
    method: Method | Assembly


def groups(methods: Mapping[str, Synthesised]) -> pl.DataFrame:
    """The method (``group``) that made each document (``id``)."""
    made = [
        each.documents.scan("documents").select("id", group=pl.lit(name)).collect()
        for name, each in methods.items()
    ]
    return pl.concat([pl.DataFrame(schema={"id": pl.String, "group": pl.String}), *made])


def report_section(
    methods: Mapping[str, Synthesised],
    shares: pl.DataFrame | None = None,
    *,
    natural_floor: float = 0.0,
    small: Mapping[str, report_small.Trained] | None = None,
) -> PageSection:
    """The section of all methods of a recipe, by name; ``small`` are its small generators.

    ``shares`` are those of each method in each stage: ``run``, ``group``, ``planned`` and
    ``delivered``. Natural text is to have the ``natural_floor`` of a stage beside all that models
    wrote.
    """
    lead = (
        "Documents that a model wrote from corpus text, or that were put together of it, pass the "
        "same filters as all documents, and filters of their own before that."
    )
    if not methods:
        notice = Notice("This recipe makes no synthetic documents.")
        return PageSection("synthesis", "Synthesis", lead, (notice,))
    kept = sum(_kept(each) for each in methods.values())
    families = {name: family(each.method) for name, each in methods.items()}
    stages = report_shares.shares_blocks(families, shares, natural_floor)
    return PageSection(
        "synthesis",
        "Synthesis",
        lead,
        (
            _overview(methods),
            Text(
                "Per 1,000 is the yield: documents accepted of a thousand requests of the first "
                "round. Kept are those that curation then left. Answers that were there from "
                "before take no seconds.",
                note=True,
            ),
            *report_small.blocks(small or {}, {n: each.documents for n, each in methods.items()}),
            *stages,
            *(block for name, each in methods.items() for block in _method(name, each)),
        ),
        numbers=(KeyNumber(numbers.count(kept), "synthetic documents kept"),),
    )


def family(method: Method | Assembly) -> str | None:
    """The family of a method whose documents a model writes; None: they are natural text."""
    return None if isinstance(method, Assembly) else method.FAMILY


def _overview(methods: Mapping[str, Synthesised]) -> Table:
    """What each method took and gave, a line each."""
    priced = any(_cost(each) is not None for each in methods.values())
    titles = ("method", "family", "form", "#requests", "#accepted", "#per 1,000", "#kept")
    took = ("#tokens read", "#tokens written", "#seconds", *(["#cost"] if priced else []))
    return Table(
        columns(*titles, "rejected", *took),
        tuple(
            (
                Span(spoken(name), "strong"),
                *_made(each),
                _rejected(each),
                *_took(each),
                Seconds(f"synthesis/{name}/documents"),
                *([_spoken_cost(each)] if priced else []),
            )
            for name, each in methods.items()
        ),
    )


def _made(made: Synthesised) -> tuple[Cell, ...]:
    """Family and form, and how many were asked, accepted and kept."""
    accepted, kept = numbers.count(made.documents.rows("documents")), numbers.count(_kept(made))
    if isinstance(made.method, Assembly):
        # Some of these say what they are by the same words, though no model writes.
        said = (getattr(made.method, name, numbers.MISSING) for name in ("FAMILY", "FORM"))
        return (*map(spoken, said), numbers.MISSING, accepted, numbers.MISSING, kept)
    return (
        made.method.FAMILY,
        spoken(made.method.FORM),
        numbers.count(_figure(made, "requests")),
        accepted,
        numbers.count(round(1000 * _yield(made))),
        kept,
    )


def _rejected(made: Synthesised) -> Cell:
    """How many became no document, and the commonest reasons."""
    became = (
        assembly.outcomes(made.documents.read("files"))
        if made.documents.has("files")
        else outcomes(made.documents)
    )
    lost = became.filter(~pl.col("reason").is_in(report_plots.TAKEN))
    named = [f"{spoken(reason)} {count:,}" for reason, count in lost.head(REASONS).iter_rows()]
    rest = int(lost["count"][REASONS:].sum())
    others = [f"others {rest:,}"] if rest else []
    return Stack((numbers.count(int(lost["count"].sum())), *named, *others))


def _took(made: Synthesised) -> tuple[Cell, ...]:
    """Tokens read and written."""
    if isinstance(made.method, Assembly):
        return numbers.MISSING, numbers.MISSING
    return tuple(numbers.count(_figure(made, name)) for name in ("tokens_in", "tokens_out"))


def _figure(made: Synthesised, name: str) -> int:
    value = made.documents.manifest.figures.get(name)
    return int(value) if isinstance(value, int | float) else 0


def _yield(made: Synthesised) -> float:
    """Documents of a request of the first round."""
    return made.documents.rows("documents") / max(_figure(made, "prompts"), 1)


def _cost(made: Synthesised) -> float | None:
    """What the answers cost, where the generator has prices."""
    if isinstance(made.method, Assembly):
        return None
    method = made.method
    took = {each: _figure(made, each) for each in ("tokens_in", "tokens_out")}
    judged = {each: _figure(made, f"judge_{each}") for each in took}
    wrote = _price(method.generator, *(took[each] - judged[each] for each in took))
    if method.judged is None or wrote is None:
        return wrote
    scored = _price(method.judged.generator, *judged.values())
    return None if scored is None else wrote + scored


def _price(generator: MethodGenerator | None, tokens_in: int, tokens_out: int) -> float | None:
    price_in, price_out = generator.prices if generator else (None, None)
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
    blocks += map(Text, _steps(made))
    judge = None if isinstance(made.method, Assembly) else made.method.judged
    if judge:
        blocks += map(Text, report_judge.lines(made.documents, judge))
    shown = made.documents.scan("examples").head(EXAMPLES)
    described = made.documents.scan("documents").select("id", "metadata")
    cards = tuple(
        _card(each)
        for each in shown.join(described, on="id", how="left", maintain_order="left")
        .collect()
        .iter_rows(named=True)
    )
    blocks += examples(f"{len(cards)} of the documents, with their seeds", cards)
    if made.documents.has("rejects"):
        rejected = tuple(_rejects(made.documents))
        blocks += examples("What was not taken, an example of each reason", rejected)
    return blocks


def _steps(made: Synthesised) -> Iterator[str]:
    """What each step of a method with several passed on, in words."""
    said = {
        name.removeprefix(STEP): str(value)
        for name, value in made.documents.manifest.figures.items()
        if name.startswith(STEP)
    }
    if said:
        steps = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in said.items())
        yield f"Passed on by its steps, of what they were given: {steps}."


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
    """A document with its seeds and the fields that its method shows of it; what was copied from
    the seeds is quoted."""
    fields = example["fields"]
    written = [(each["label"], excerpt(each["text"])) for each in fields if each["generated"]]
    copied = [each["text"] for each in fields if not each["generated"]]
    return Card(
        labels=tuple(_seeds(json.loads(example["metadata"] or "{}"))),
        fields=tuple(written),
        quote=excerpt("\n\n".join(copied)) if copied else None,
    )


def _seeds(described: Mapping[str, Any]) -> Iterator[Line]:
    """What a document was made of, in words: documents with their spans, and names."""
    seeds = described.get("seeds", ())
    for seed in seeds[:SEEDS]:
        named, document = seed.get("name"), seed.get("document")
        span = f" bytes {seed['start']:,} to {seed['stop']:,}" if "start" in seed else ""
        if document is not None:
            yield ("of ", short_id(document), f"{span}{f', {named}' if named else ''}")
        elif named is not None:
            yield ("of ", Span(named, "name"))
    if len(seeds) > SEEDS:
        yield f"and {len(seeds) - SEEDS:,} more"
