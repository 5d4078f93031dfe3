"""What of the sources does not fit the rest of a recipe."""

from collections.abc import Collection, Iterator, Mapping

from midtrain_dagster.collection.document_source import DocumentSource
from midtrain_dagster.core.problems import Problem, undeclared


def problems(
    sources: Mapping[str, DocumentSource], benchmarks: Collection[str]
) -> Iterator[Problem]:
    """Benchmarks that a source plants items of and the recipe does not declare."""
    for name, source in sources.items():
        for number, benchmark in enumerate(source.item_benchmarks):
            if benchmark not in benchmarks:
                place = ("sources", name, "benchmarks", number)
                yield place, undeclared("benchmark", benchmark, benchmarks)
