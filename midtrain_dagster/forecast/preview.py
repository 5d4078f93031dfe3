"""The lines of ``midtrain check --preview``: a few documents of each source, curated, with reasons.

A rule that empties a source is cheaper to see in sixty documents than in a run.
"""

from collections.abc import Iterator, Sequence

import polars as pl

from midtrain_dagster.collection.first_documents import FirstDocuments, first_documents
from midtrain_dagster.core.problems import Location
from midtrain_dagster.curation.preview import NOT_LOOKED_AT, preview
from midtrain_dagster.curation.remedies import field_behind
from midtrain_dagster.display import numbers
from midtrain_dagster.display.words import excerpt
from midtrain_dagster.forecast.inputs import Inputs
from midtrain_dagster.recipe import Recipe

EXAMPLES = 3
"""Documents that are shown of each reason."""

EXCERPT = 72


def preview_lines(recipe: Recipe, inputs: Inputs, count: int) -> Iterator[str]:
    """Curate ``count`` documents of each source, by itself; ``inputs`` knows its files."""
    yield f"preview: up to {numbers.count(count)} documents of each source, spread over its files"
    yield f"  not looked at: {NOT_LOOKED_AT}"
    model = recipe.language_identifier if recipe.judges_language else None
    for name, source in recipe.sources.items():
        found = first_documents(
            name,
            source,
            inputs.sources[name].files,
            count,
            max_document_bytes=recipe.collection.max_document_bytes,
            block_files=source.block_files(name, recipe.folder),
            benchmark_items=_items(inputs, source.item_benchmarks),
        )
        judged = preview(
            found.documents,
            policy=recipe.curation,
            duplicates=recipe.duplicates,
            model=model,
            word_lists=recipe.word_lists(),
        )
        yield ""
        yield from _of_source(name, judged, found)


def _items(inputs: Inputs, benchmarks: Sequence[str]) -> pl.DataFrame | None:
    return pl.concat([inputs.items[each] for each in benchmarks]) if benchmarks else None


def _of_source(name: str, judged: pl.DataFrame, found: FirstDocuments) -> Iterator[str]:
    if not judged.height:
        yield f"  {name}: no document ({numbers.count(found.rejected)} records rejected)"
        return
    kept = judged["reason"].null_count()
    formats = judged.group_by("format").len().sort("len", "format", descending=[True, False])
    written = ", ".join(f"{numbers.count(many)} {each}" for each, many in formats.iter_rows())
    rejected = f"; {numbers.count(found.rejected)} records rejected" if found.rejected else ""
    yield (
        f"  {name}: {numbers.count(kept)} of {numbers.count(judged.height)} kept, "
        f"{numbers.share(kept / judged.height)} ({written}{rejected})"
    )
    reasons = judged.drop_nulls("reason").group_by("reason").len()
    for reason, many in reasons.sort("len", "reason", descending=[True, False]).iter_rows():
        yield f"    {many:>5}  {numbers.share(many / judged.height):>5}  {reason}"
        for row in judged.filter(reason=reason).head(EXAMPLES).iter_rows(named=True):
            why = f"{row['measured']}: " if row["measured"] else ""
            yield f"{'':16}{row['locator']}: {why}{excerpt(row['text'], EXCERPT)!r}"
        yield f"{'':16}loosened by {_said(*field_behind(reason, name))}"


def _said(field: Location, value: str) -> str:
    """A field of the recipe as the line that says it."""
    return ".".join(map(str, field)) + (f": {value}" if value else "")
