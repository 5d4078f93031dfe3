"""What a run of a recipe would do, before anything is made.

Lists each source's files, bytes and parts (so a source that does not exist is found here), each
benchmark's items, and each stage's tokens, steps and share of every domain.
"""

from collections.abc import Iterator
from pathlib import Path

from midtrain_dagster.collection.units import units
from midtrain_dagster.core.source_file import SourceError
from midtrain_dagster.display.words import spoken
from midtrain_dagster.evaluation.benchmark import benchmark_files, read_items
from midtrain_dagster.mixture.reference import MixtureReference
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.transition.given import is_hub_id


def forecast(recipe: Recipe) -> Iterator[str]:
    """The lines of ``midtrain check``. Raises what reading the inputs' listings raises."""
    yield f"recipe {recipe.name}"
    yield from _sources(recipe)
    yield ""
    yield "benchmarks"
    for name, benchmark in recipe.benchmarks.items():
        items = read_items(name, benchmark, Path(recipe.folder)).height
        how = benchmark.evaluate
        evaluated = f"evaluated by {how.method}" if how else "not evaluated"
        yield f"  {name:<22} {items:>8,} items, {evaluated}"
    yield ""
    yield "stages"
    for run in recipe.runs():
        yield from _run(run)
    for line in recipe.distortions():
        yield f"  scaled: {line}"


def _run(run: Run) -> Iterator[str]:
    stage = run.stage
    yield (
        f"  {spoken(run.name):<22} {stage.steps * stage.batch_tokens:>12,} tokens in "
        f"{stage.steps:,} steps of {stage.batch_tokens:,}, length {stage.sequence_length:,}, "
        f"from {spoken(run.start)}"
    )
    if isinstance(stage.mixture, MixtureReference):
        yield f"    shares as the mixture {stage.mixture.from_!r} finds them"
        return
    first, last = stage.mixture.weights(0.0), stage.mixture.weights(1.0)
    for domain, weight in first.items():
        then = f" to {last[domain]:.0%}" if abs(last[domain] - weight) > 1e-9 else ""
        yield f"    {domain:<20} {weight:>12.0%}{then}"


def require_inputs(recipe: Recipe) -> None:
    """Make sure that every input that the recipe names is there, before anything runs.

    Raises :class:`SourceError` or :class:`BenchmarkError` naming the first that is not.
    """
    needed = {"language_model": recipe.language_model}
    for name, method in recipe.synthesis.items():
        for file in method.generator.required_files:
            needed[f"synthesis.{name}.generator.model"] = file
    if recipe.base.checkpoint and not is_hub_id(recipe.base.checkpoint):
        needed["base.checkpoint"] = f"{recipe.base.checkpoint}/config.json"
    for field, path in needed.items():
        if not Path(recipe.path(path)).is_file():
            raise SourceError(
                f"{field}: there is no file {recipe.path(path)}; `midtrain fetch` fetches the "
                "default data, or correct the recipe"
            )
    for name, source in recipe.sources.items():
        source.list_files(name, recipe.folder)
    for name, benchmark in recipe.benchmarks.items():
        benchmark_files(name, benchmark, recipe.folder)


def _sources(recipe: Recipe) -> Iterator[str]:
    yield "sources"
    totals = (0, 0, 0)
    for name, source in recipe.sources.items():
        files = source.list_files(name, recipe.folder)
        parts = len(units(source, files, recipe.collection.part_bytes))
        size = sum(file.bytes for file in files)
        totals = (totals[0] + len(files), totals[1] + parts, totals[2] + size)
        yield _row(name, len(files), parts, size, f"{source.domain}, {source.kind}")
    yield _row("all", *totals, "")


def _row(name: str, files: int, parts: int, size: int, what: str) -> str:
    return f"  {name:<22} {files:>6,} files {parts:>5,} parts {size:>14,} bytes  {what}".rstrip()
