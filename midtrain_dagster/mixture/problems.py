"""What is wrong with the mixtures of a recipe, as each method says it of its own section."""

from collections.abc import Iterator, Mapping

from midtrain_dagster.core.problems import Problem, View
from midtrain_dagster.mixture.method import Method


def problems(
    mixtures: Mapping[str, Method],
    view: View,
    trained: Mapping[str, Mapping[str, int]] | None = None,
) -> Iterator[Problem]:
    """What each mixture asks for that the rest of the recipe does not have.

    ``trained`` are, by mixture, the stages that name it with their tokens.
    """
    for name, method in mixtures.items():
        for place, reason in method.problems(view, (trained or {}).get(name, {})):
            yield ("mixtures", name, *place), reason
