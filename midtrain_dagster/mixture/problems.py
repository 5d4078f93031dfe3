"""What is wrong with the mixtures of a recipe, as each method says it of its own section."""

from collections.abc import Iterator, Mapping

from midtrain_dagster.core.problems import Problem, View
from midtrain_dagster.mixture.method import Method
from midtrain_dagster.mixture.methods import proposed


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


def without_room(
    mixtures: Mapping[str, Method], view: View, tokens: Mapping[str, int]
) -> Iterator[tuple[str, str]]:
    """Proposals (by name) whose constraints cannot hold together, given the tokens that there are
    to train on of each domain: known before a search is trained for them, and no cause of it."""
    for name, method in mixtures.items():
        if isinstance(method, proposed.Config):
            there = {each: tokens.get(each, 0) for each in view.searches[method.search].domains}
            if all(there.values()):
                for reason in method.conflicts(there):
                    yield name, reason
