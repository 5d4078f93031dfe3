"""What is wrong with a recipe's decontamination: names of benchmarks and sources that nothing has,
and a second look without a model."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from midtrain_dagster.core.findings import Finding
from midtrain_dagster.core.problems import Location, Problem, View, undeclared
from midtrain_dagster.curation.raters.sentence_embedding import embedding_fault
from midtrain_dagster.decontamination.method import Method
from midtrain_dagster.decontamination.options import Action, Actions
from midtrain_dagster.inference.engine import FindPath


def problems(config: Method, view: View) -> Iterator[Problem]:
    """Each name in the section ``decontamination`` that leads nowhere."""
    sources = {**view.sources, **view.written}
    by_source: dict[Location, Mapping[str, Action]] = {("sources",): config.sources}
    for field, benchmarks in {"actions": config.actions, **config.own_by_benchmark}.items():
        for benchmark in benchmarks:
            if benchmark not in view.benchmarks:
                reason = undeclared("benchmark", benchmark, view.benchmarks)
                yield ("decontamination", field, benchmark), reason
    for benchmark, said in config.actions.items():
        if isinstance(said, Actions):
            by_source["actions", benchmark, "sources"] = said.sources
    for place, named in by_source.items():
        for source in named:
            if source not in sources:
                reason = undeclared("source", source, sources)
                yield ("decontamination", *place, source), reason


def findings(config: Method, find: FindPath) -> Iterator[Finding]:
    """A folder of the second look that holds no embedding model; places start at the section."""
    if config.second_look is not None:
        fault = embedding_fault(Path(find(config.second_look.embedding)))
        if fault is not None:
            yield Finding(("second_look", "embedding"), fault)
