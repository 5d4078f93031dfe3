"""What evaluation and its checks ask for and will not have, by the token shards and the items.

What is held out decides which losses there will be, the tokenizer which items fit the window in
which all checkpoints are compared. A figure that the recipe asks for by name, or that a check
compares, has to be there; one that was only filled in is left out, and told.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from midtrain_dagster.core.findings import Finding, Unknown, doubt
from midtrain_dagster.evaluation.benchmark import Benchmark, documents
from midtrain_dagster.evaluation.checks import Comparison
from midtrain_dagster.evaluation.item_tokens import item_tokens
from midtrain_dagster.evaluation.settings import EvaluationSettings

VERSION = 1

SCORED = 2
"""Tokens from which a document has a loss: its first is not predicted."""


@dataclass(frozen=True)
class Measures:
    """What is to be measured on held-out documents, and compared."""

    settings: EvaluationSettings
    said: Collection[str]
    """The fields of ``evaluation`` that the recipe says itself."""
    domains: Collection[str]
    """The domains of which losses are measured."""
    comparisons: Sequence[Comparison]
    soups: Collection[str]
    """The soups that are compared with their ingredients."""
    base_window: int | None
    """The shortest window, if some stage has a longer one."""
    is_scaled: bool = False
    """Whether the recipe is a rehearsal, whose windows are not those that it says."""


def held_out_findings(held_out: pl.DataFrame, measures: Measures) -> Iterator[Finding]:
    """What will not be measured; ``held_out`` has ``domain`` and ``length``, a row a document."""
    scored = held_out.filter(pl.col("length") >= SCORED)
    has_loss = set(scored["domain"]) & set(measures.domains)
    yield from _domains(has_loss, measures)
    longest = scored["length"].max()
    yield from _positions(longest if isinstance(longest, int) else 0, measures)


def _domains(has_loss: Collection[str], measures: Measures) -> Iterator[Finding]:
    settings = measures.settings
    why = "no document of {} is held out, so it has no loss: raise held_out, add documents"
    for side, domains in (("general", settings.general), ("targets", settings.targets)):
        lacking = [domain for domain in domains if domain not in has_loss]
        if side in measures.said:
            for domain in lacking:
                place = ("evaluation", side, domains.index(domain))
                yield Finding(place, f"{why.format(repr(domain))}, or leave it out here")
            continue
        needed = _checks_by(side, measures)
        if lacking and len(lacking) == len(domains) and needed:
            yield Finding(
                ("held_out",),
                f"{why.format(', '.join(lacking))}; {_nothing_to_compare(needed)}",
            )
            continue
        for domain in lacking:
            yield doubt(("held_out",), f"{why.format(repr(domain))}; the others are measured")


def _checks_by(side: str, measures: Measures) -> list[str]:
    """The checks that compare losses on the general or the target domains."""
    if side == "general":
        return [f"{stage.name}_general_loss" for stage in measures.comparisons]
    stages = [f"{stage.name}_targets" for stage in measures.comparisons if stage.other_mixture]
    return [*stages, *(f"{soup}_beats_ingredients" for soup in measures.soups)]


def _nothing_to_compare(checks: Sequence[str]) -> str:
    named = ", ".join(check.replace("/", "_") for check in checks)
    return f"nothing is left to compare in {named}"


def _positions(longest: int, measures: Measures) -> Iterator[Finding]:
    """Loss by position, of documents that are as long as the window in which they are read."""
    settings, place = measures.settings, ("evaluation", "length")
    shorter = {each.name: each.shorter for each in measures.comparisons if each.shorter is not None}
    if longest < settings.length:
        needed = [f"{name}_length" for name in shorter]
        asked = ("length" in measures.said or bool(needed)) and not measures.is_scaled
        then = f"; {_nothing_to_compare(needed)}" if needed else ""
        advice = "raise held_out, or add longer documents"
        if longest > max(shorter.values(), default=1):
            advice = f"lower it to {longest} or less, {advice}"
        yield Finding(
            place,
            f"no held-out document has {settings.length:,} tokens (the longest has {longest:,}), "
            f"so there is no loss by position{then}: {advice}",
            stops=asked,
        )
    elif measures.base_window is not None and not settings.reaches(measures.base_window):
        yield doubt(
            ("evaluation", "bucket"),
            f"no bucket of {settings.bucket} positions begins from {measures.base_window:,} on and "
            f"before {settings.length:,}, so no table has the loss beyond the shorter windows",
        )


def item_findings(
    name: str,
    benchmark: Benchmark,
    items: pl.DataFrame,
    *,
    examples: pl.DataFrame | None = None,
    window: int,
    count: Callable[[str], int],
) -> Iterator[Finding]:
    """Items that no checkpoint can score, since an answer alone is longer than ``window`` tokens;
    ``count`` says how many a text has."""
    method, place = benchmark.evaluate, ("benchmarks", name, "evaluate")
    if method is None:
        return
    try:
        asked = documents(benchmark, items, examples)
    except ValueError as error:
        yield Finding(place, str(error))
        return
    answers = [item_tokens(each, method, count).answer for each in asked]
    beyond = sum(answer > window for answer in answers)
    if beyond:
        shortest = f" (the shortest has {min(answers):,})" if beyond == len(answers) else ""
        yield Finding(
            place,
            f"the answers of {beyond:,} of {len(answers):,} items are longer than the {window:,} "
            f"tokens of the shortest window, in which all checkpoints are compared{shortest}: "
            "these items are left out; train the stage of that window on a longer one, or do not "
            "ask them",
            stops=beyond == len(answers),
        )


def search_findings(
    name: str, benchmark: Benchmark, *, items: int, untestable: int
) -> Iterator[Finding | Unknown]:
    """What no search of the corpus can say of a benchmark: of ``items``, so many are
    ``untestable``."""
    place = ("benchmarks", name)
    if untestable < items and untestable:
        yield Unknown(
            place,
            f"whether {untestable:,} of {items:,} items are in the corpus: they are too short, or "
            "say what others say, to be searched",
        )
    elif untestable:
        why = (
            f"none of its {items:,} items can be searched in the corpus, for they are too short or "
            "say what others say"
        )
        if benchmark.evaluate is None:
            advice = "lower decontamination.shortest, ask them of checkpoints, or leave it out"
            yield Finding(place, f"{why}, and no checkpoint is asked: it does nothing; {advice}")
        else:
            yield doubt(place, f"{why}: nothing says whether they were trained on")
            yield Unknown(place, f"whether its {items:,} items are in the corpus")


def prompt_findings(prompts: Sequence[str], count: Callable[[str], int]) -> Iterator[Finding]:
    """Prompts of the recipe that have no token to go on from."""
    for number, prompt in enumerate(prompts):
        if not count(prompt):
            place = ("evaluation", "samples", "prompts", number)
            yield Finding(place, "the tokenizer makes no token of it: write something to continue")


__all__ = ["Measures", "held_out_findings", "item_findings", "prompt_findings", "search_findings"]
