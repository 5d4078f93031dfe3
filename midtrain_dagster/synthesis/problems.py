"""What is wrong between the methods of synthesis and the rest of a recipe."""

from collections.abc import Iterator, Mapping

from midtrain_dagster.core.problems import Problem, View, unfed
from midtrain_dagster.core.schema import synthetic_source
from midtrain_dagster.synthesis.assembly import Assembly
from midtrain_dagster.synthesis.method import Method


def problems(synthesis: Mapping[str, Method | Assembly], view: View) -> Iterator[Problem]:
    """A domain that is asked about and not fed; a source whose name a method's documents have.

    A method asks about collected documents only, so what another method feeds is not there for it.
    """
    for name, method in synthesis.items():
        # What a method compares with what it asks about is collected as well.
        for field in ("domains", "positives"):
            for number, domain in enumerate(getattr(method, field, ())):
                if domain not in view.natural:
                    yield ("synthesis", name, field, number), unfed(domain, view.natural)
        if synthetic_source(name) in view.sources:
            yield (
                ("synthesis", name),
                f"its documents would have the name of the source {synthetic_source(name)!r}",
            )
