"""What of the benchmarks and measures cannot be had, by the items and by what is known of the rest.

What would come out only after training is said before: an item that a method cannot score, a window
that no checkpoint reaches, held-out documents that there are not.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import polars as pl

from midtrain_dagster.core.findings import Finding, doubt
from midtrain_dagster.evaluation.benchmark import (
    FIELDS,
    Benchmark,
    BenchmarkError,
    absent_keys,
    documents,
    keys_of,
    read_examples,
    read_items,
)
from midtrain_dagster.evaluation.item_tokens import item_tokens
from midtrain_dagster.evaluation.method import Document
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
                Finding(("benchmarks", name, field), _without_name(name, reason))
                for field, reason in absent.items()
            ]
        items = read_items(name, benchmark, folder)
    except BenchmarkError as error:
        place = ("benchmarks", name, _field(benchmark, error.key))
        return None, [Finding(place, _without_name(name, str(error)))]
    except OSError as error:
        return None, [Finding(("benchmarks", name, "paths"), str(error))]
    return items, list(_of_method(name, benchmark, items, folder))


def _field(benchmark: Benchmark, key: str | None) -> str:
    """The field that names a key of the items."""
    named = [each for each in FIELDS if key in keys_of(getattr(benchmark, each))]
    return named[0] if named else "paths"


def _without_name(name: str, reason: str) -> str:
    """A reason without the benchmark's name, which its place says."""
    return reason.removeprefix(f"benchmark {name!r}").removeprefix(":").lstrip(", ")


def answer_problems(
    name: str,
    benchmark: Benchmark,
    items: pl.DataFrame,
    *,
    folder: str | Path,
    window: int,
    bytes_a_token: float,
) -> Iterator[Finding]:
    """Items that no checkpoint can score, since what cannot be cut of them is longer than
    ``window`` tokens, the shortest window of any of them."""
    method = benchmark.evaluate
    if method is None:
        return
    try:
        asked = documents(benchmark, items, read_examples(name, benchmark, folder))
    except (ValueError, OSError):
        return  # told by ``benchmark_problems``

    def count(text: str) -> int:
        return ceil(len(text.encode()) / bytes_a_token)

    tokens = [item_tokens(item, method, count).answer for item in asked]
    beyond = sum(size > window for size in tokens)
    if beyond:
        yield Finding(
            ("benchmarks", name, "evaluate"),
            f"the answers of about {beyond} of {len(asked)} items are longer than the "
            f"{window} tokens of the shortest window, in which all checkpoints are compared: these "
            "items are left out",
            stops=min(tokens) > FAR * window,
        )


def _of_method(
    name: str, benchmark: Benchmark, items: pl.DataFrame, folder: str | Path
) -> Iterator[Finding]:
    method = benchmark.evaluate
    if method is None:
        return
    try:
        examples = read_examples(name, benchmark, folder)
    except (BenchmarkError, OSError) as error:
        yield Finding(("benchmarks", name, "examples"), _without_name(name, str(error)))
        return
    asked: list[Document] = []
    try:
        asked = documents(benchmark, items, examples)
    except ValueError as error:
        yield Finding(("benchmarks", name, "evaluate"), _without_name(name, str(error)))
    if reason := method.unavailable(asked):
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
    said: Collection[str],
) -> Iterator[Finding]:
    """What the measures on held-out documents ask that cannot be had.

    ``positions`` are those of each checkpoint, as far as they are known; ``learned_positions`` says
    that the models have a table of them, beyond which they cannot read at all. No document has more
    than ``longest_document`` bytes. ``said`` are the fields that the recipe says itself.
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
            yield doubt(place, reason)
    if settings.bucket > length:
        yield doubt(
            ("evaluation", "bucket"),
            f"a bucket of {settings.bucket} positions is longer "
            f"than the window of {length}: there is one value",
        )
    for domain in dict.fromkeys((*settings.general, *settings.targets)):
        if domain in held_out:
            yield from _too_little(domain, settings, held_out[domain], said)


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


def _too_little(
    domain: str, settings: EvaluationSettings, held_out: HeldOut, said: Collection[str]
) -> Iterator[Finding]:
    """Where less is held out of a domain than its loss needs, or than is asked for."""
    if held_out.documents < 1:
        yield doubt(
            ("held_out",),
            f"about {held_out.documents:.1f} documents of {domain!r} would be held out, so it may "
            "have no loss: raise it, or add documents",
        )
    elif "tokens_by_domain" in said and settings.tokens_by_domain > FAR * held_out.tokens:
        yield doubt(
            ("evaluation", "tokens_by_domain"),
            f"{settings.tokens_by_domain:,} are asked for, and about {held_out.tokens:,.0f} tokens "
            f"of {domain!r} are held out: all there are will be taken",
        )
