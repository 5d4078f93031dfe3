"""What of the benchmarks and measures cannot be had, by the items and by what is known of the rest.

What would come out only after training is said before: an item that a method cannot score, a window
that no checkpoint reaches, held-out documents that there are not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from midtrain_dagster.core.findings import Finding, doubt
from midtrain_dagster.evaluation.benchmark import (
    FIELDS,
    Benchmark,
    BenchmarkError,
    absent_keys,
    read_items,
)
from midtrain_dagster.evaluation.settings import EvaluationSettings

FAR = 4
"""An estimate may be wrong by so much before anything is refused because of it."""


@dataclass(frozen=True)
class HeldOut:
    """What is held out of one domain, as far as the sources' first rows tell."""

    tokens: float
    documents: float
    longest: float
    """Tokens of the longest document that was seen, held out or not."""


def benchmark_problems(
    name: str, benchmark: Benchmark, folder: str | Path
) -> tuple[pl.DataFrame | None, list[Finding]]:
    """A benchmark's items, and what is wrong with them; no items where they cannot be read."""
    try:
        absent = absent_keys(name, benchmark, folder)
        if absent:
            return None, [
                Finding(("benchmarks", name, field), reason) for field, reason in absent.items()
            ]
        items = read_items(name, benchmark, folder)
    except BenchmarkError as error:
        return None, [Finding(("benchmarks", name, _field(benchmark, error.key)), str(error))]
    except OSError as error:
        return None, [Finding(("benchmarks", name, "paths"), str(error))]
    return items, list(_of_method(name, benchmark, items))


def _field(benchmark: Benchmark, key: str | None) -> str:
    """The field that names a key of the items."""
    named = [each for each in FIELDS if key is not None and getattr(benchmark, each) == key]
    return named[0] if named else "paths"


def _of_method(name: str, benchmark: Benchmark, items: pl.DataFrame) -> Iterator[Finding]:
    method = benchmark.evaluate
    if method is None:
        return
    try:
        method.documents(items, benchmark.cleaning)
    except ValueError as error:
        reason = str(error).removeprefix(f"benchmark {name!r}, ")
        yield Finding(("benchmarks", name, "evaluate"), reason)
    if method.limit is not None and method.limit > items.height:
        place = ("benchmarks", name, "evaluate", "limit")
        yield doubt(place, f"there are {items.height} items, and all of them are asked")


def measure_problems(
    settings: EvaluationSettings,
    held_out: Mapping[str, HeldOut],
    *,
    positions: Mapping[str, int],
    learned_positions: bool,
    longest_document: int,
) -> Iterator[Finding]:
    """What the measures on held-out documents ask that cannot be had.

    ``positions`` are those of each checkpoint, as far as they are known; ``learned_positions`` says
    that the models have a table of them, beyond which they cannot read at all. No document has more
    than ``longest_document`` bytes.
    """
    yield from _length(settings, positions, learned_positions)
    length, place = settings.length, ("evaluation", "length")
    if length > longest_document:
        yield Finding(
            place,
            f"{length} tokens are more than the {longest_document} bytes that the "
            "longest document can have (collection.max_document_bytes)",
        )
    elif held_out:
        seen = max(each.longest for each in held_out.values())
        if length > seen:
            reason = (
                f"the longest document seen in the first rows has about {seen:,.0f} tokens; where "
                f"none that is held out has {length}, there is no loss by position"
            )
            yield Finding(place, reason, stops=length > FAR * FAR * seen)
    if settings.bucket > length:
        yield doubt(
            ("evaluation", "bucket"),
            f"a bucket of {settings.bucket} positions is longer "
            f"than the window of {length}: there is one value",
        )
    for side, domains in (("general", settings.general), ("targets", settings.targets)):
        for number, domain in enumerate(domains):
            if domain in held_out:
                found = _too_little(settings, held_out[domain])
                yield from (doubt(("evaluation", side, number), reason) for reason in found)


def _length(
    settings: EvaluationSettings, positions: Mapping[str, int], learned_positions: bool
) -> Iterator[Finding]:
    if not positions:
        return
    place, length = ("evaluation", "length"), settings.length
    most, least = (
        max(positions, key=positions.__getitem__),
        min(positions, key=positions.__getitem__),
    )
    if length > positions[most]:
        yield Finding(
            place,
            f"{length} is beyond the {positions[most]} positions of {most!r}, and no checkpoint "
            f"has more: lower it to {positions[most]}, or extend one (`rope`, sequence_length)",
        )
    elif learned_positions and length > positions[least]:
        yield Finding(
            place,
            f"{length} is beyond the {positions[least]} positions of {least!r}, whose positions "
            "are a table that ends there",
        )


def _too_little(settings: EvaluationSettings, held_out: HeldOut) -> Iterator[str]:
    if held_out.documents < 1:
        yield (
            f"about {held_out.documents:.1f} documents of it would be held out, so it may have no "
            "loss: raise `held_out`, or add documents"
        )
    elif settings.tokens_by_domain > FAR * held_out.tokens:
        yield (
            f"about {held_out.tokens:,.0f} tokens of it are held out, and tokens_by_domain asks "
            f"for {settings.tokens_by_domain:,}: all there are will be taken"
        )
