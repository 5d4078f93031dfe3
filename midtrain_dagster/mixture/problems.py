"""What is wrong with the mixtures of a recipe: domains that nothing feeds, experiments that there
are not."""

from collections.abc import Iterator, Mapping

from midtrain_dagster.core.problems import Problem, View, undeclared, unfed
from midtrain_dagster.mixture.method import Method


def problems(mixtures: Mapping[str, Method], view: View) -> Iterator[Problem]:
    """Each domain that a mixture asks for and no source or synthesis feeds, and each experiment
    that it reads and the recipe does not have."""
    for name, method in mixtures.items():
        for number, domain in enumerate(method.domains):
            if domain not in view.trained_on:
                yield ("mixtures", name, "domains", number), unfed(domain, view.trained_on)
        for field, asset in method.reads.items():
            kind, _, wanted = asset.partition("/")
            known = view.experiments.get(kind, ())
            if wanted not in known:
                yield ("mixtures", name, field), undeclared(kind, wanted, known)
