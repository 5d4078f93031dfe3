"""What a run of a recipe would do, in lines: sources, domains, benchmarks and stages."""

from collections.abc import Iterator

from midtrain_dagster.collection.document_source import DocumentSource
from midtrain_dagster.collection.input_problems import SourceInputs
from midtrain_dagster.collection.units import bundles
from midtrain_dagster.dataloader.untie_knots import UntieKnots
from midtrain_dagster.display.numbers import count
from midtrain_dagster.display.words import spoken
from midtrain_dagster.experiments.microanneals.cost import outlook as anneals_outlook
from midtrain_dagster.experiments.search.cost import outlook as search_outlook
from midtrain_dagster.forecast.inputs import Inputs
from midtrain_dagster.forecast.supply import trained_on
from midtrain_dagster.mixture.length_class import labels
from midtrain_dagster.mixture.reference import MixtureReference
from midtrain_dagster.mixture.weights import Course
from midtrain_dagster.mixture.weights import in_words as in_notation
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.training.batch.ramp import in_words
from midtrain_dagster.training.overview import legs
from midtrain_dagster.training.runs import Run, runs
from midtrain_dagster.training.scale import Scale

WITHOUT_BENCHMARKS = "nothing is searched for in the corpus, and checkpoints are compared by loss"


def outlook(recipe: Recipe, inputs: Inputs) -> Iterator[str]:
    """The lines of ``midtrain check``."""
    yield f"recipe {recipe.name}"
    yield from _sources(recipe, inputs)
    asked = recipe.curation.spoken_languages if recipe.judges_language else "not looked at"
    yield f"languages: {asked}"
    yield ""
    yield "domains (about, before curation)"
    for domain, tokens in trained_on(recipe, inputs.supplies).items():
        documents = count(inputs.supplies[domain].documents)
        yield f"  {domain:<22} {documents:>8} documents {count(tokens):>8} tokens to train on"
    yield ""
    yield "benchmarks" if recipe.benchmarks else f"no benchmarks: {WITHOUT_BENCHMARKS}"
    for name, benchmark in recipe.benchmarks.items():
        how = benchmark.evaluate
        evaluated = f"evaluated by {how.method}" if how else "not evaluated"
        yield f"  {name:<22} {inputs.items[name].height:>8,} items, {evaluated}"
    yield ""
    if recipe.mixture_search:
        yield "mixture searches"
        yield from search_outlook(recipe.mixture_search, recipe.scale)
        yield ""
    if recipe.microanneals:
        yield "microanneals"
        full = runs(recipe.stages, Scale(), seed=recipe.seed)
        yield from anneals_outlook(recipe.microanneals, full, recipe.scale, recipe.fine_tuning)
        yield ""
    yield "stages"
    for run in recipe.runs():
        yield from _run(run)
    yield ""
    yield from _table(recipe)
    for line in recipe.distortions():
        yield f"  scaled: {line}"


def _table(recipe: Recipe) -> Iterator[str]:
    """Rate, batch, length and shares by stage, a row each."""
    found = legs(recipe.runs(), recipe.stages, recipe.soups)
    head = ("by stage", "tokens", "batch", "length", "positions", "rate")
    rows = [
        (
            spoken(leg.name),
            count(leg.stage.tokens),
            leg.batches,
            f"{leg.stage.sequence_length:,}",
            leg.positions or "as before",
            leg.rates,
        )
        for leg in found
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"    {'  '.join(cells)}".rstrip()
    domains = list(dict.fromkeys(domain for leg in found for domain in leg.shares))
    if not domains:
        return
    yield ""
    columns = [("shares, %", *domains)]
    columns += [(spoken(leg.name), *(leg.share_of(each) for each in domains)) for leg in found]
    wide = [max(map(len, column)) for column in columns]
    for row in zip(*columns, strict=True):
        first, *numbers_of = row
        shown = (cell.rjust(width) for cell, width in zip(numbers_of, wide[1:], strict=True))
        yield f"    {first.ljust(wide[0])}  {'  '.join(shown)}"


def _run(run: Run) -> Iterator[str]:
    stage = run.stage
    yield (
        f"  {spoken(run.name):<22} {stage.batches.tokens:>12,} tokens in "
        f"{stage.steps:,} steps of {in_words(stage.batch_tokens)}, length "
        f"{stage.sequence_length:,}, from {spoken(run.start)}"
    )
    if stage.reestimated_steps:
        tokens = stage.batches.tokens_before(stage.reestimated_steps)
        yield (
            f"    the first {stage.reestimated_steps:,} steps, {tokens:,} tokens, estimate the "
            "moments anew at rate 0: no weight moves"
        )
    if stage.begins_at_zero:
        yield "    its first step has rate 0, as in transformers: it fills the moments alone"
    if isinstance(stage.packing, UntieKnots):
        yield f"    {stage.packing.share:.0%} of its windows have shuffled chunks of documents"
    if (fill := stage.fill_in_the_middle) is not None:
        yield (
            f"    {fill.rate:.0%} of the documents of {', '.join(fill.domains)} have their middle "
            f"at their end, {fill.suffix_first:.0%} of these with the suffix first"
        )
    if stage.mixture.length_classes is not None:
        rule = stage.mixture.length_classes
        names = labels([each.start for each in rule.classes])
        parts = zip(names, rule.classes, strict=True)
        said = ", ".join(f"{each.share:.0%} {name}" for name, each in parts)
        yield f"    by length of document: {said}"
    if isinstance(stage.mixture, MixtureReference):
        yield f"    shares as the mixture {stage.mixture.from_!r} finds them"
        return
    first, last = stage.mixture.weights(0.0), stage.mixture.weights(1.0)
    for domain, weight in first.items():
        then = f" to {last[domain]:.0%}" if abs(last[domain] - weight) > 1e-9 else ""
        share = stage.mixture.domains[domain]
        curve = f"  ({in_notation(share)})" if isinstance(share, Course) else ""
        yield f"    {domain:<20} {weight:>12.0%}{then}{curve}"


def _sources(recipe: Recipe, inputs: Inputs) -> Iterator[str]:
    yield "sources"
    totals = (0, 0, 0)
    for name, source in recipe.sources.items():
        seen = inputs.sources[name]
        size = sum(file.bytes for file in seen.files)
        row = (len(seen.files), _parts(source, seen, recipe.collection.part_bytes), size)
        totals = (totals[0] + row[0], totals[1] + row[1], totals[2] + row[2])
        yield _row(name, *row, f"{source.domain}, {source.kind}")
    yield _row("all", *totals, "")


def _parts(source: DocumentSource, seen: SourceInputs, target_bytes: int) -> int:
    """About how many parts a source makes: a large file is cut into pieces, if its reader can."""
    if source.is_one_unit:
        return 1
    return sum(
        -(-group[0].bytes // target_bytes) if len(group) == 1 else 1
        for group in bundles(seen.files, target_bytes)
    )


def _row(name: str, files: int, parts: int, size: int, what: str) -> str:
    return f"  {name:<22} {files:>6,} files {parts:>5,} parts {size:>14,} bytes  {what}".rstrip()
