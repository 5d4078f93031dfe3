"""The transitions of a recipe: whether each stage fits onto what it starts from.

Here is what the recipe alone shows, so that it is an error when the recipe is loaded; what only the
checkpoint shows is left to ``transition``. A start is a stage, or a soup of several: that has no
moments, no rate and no position in the data, and its window and seed are those of its ingredients.
"""

from collections.abc import Collection, Iterator, Mapping

from midtrain_dagster.training.stage import Stage, TransitionError, check_transition
from midtrain_dagster.training.transition.inherit import Reset

LACKS = {"moments": "moments", "rate": "rate", "data": "position in the data"}
"""What a soup does not have, by the field of ``inherit`` that speaks of it."""


def mistakes(
    stages: Mapping[str, Stage], soups: Mapping[str, Collection[str]], *, seed: int
) -> Iterator[tuple[tuple[str, ...], str]]:
    """The transitions that the stages of a recipe may not make: where, and why not.

    ``stages`` are in the recipe's order, ``soups`` the ingredients of each soup, ``seed`` is the
    recipe's, which stages without one have. A control is told only where its stage is right. A
    start that is no stage before it, a given base say, is nothing that the recipe could compare.
    """
    before: dict[str, Stage] = {}
    for name, stage in stages.items():
        control = None if stage.control is None else stage.control_stage()
        for place, each in (((name,), stage), ((name, "control"), control)):
            try:
                if each is not None and each.start in soups:
                    averaged = (run for run in soups[each.start] if run in before)
                    check_soup(each, {run: before[run] for run in averaged}, seed=seed)
                elif each is not None and each.start in before:
                    check_transition(before[each.start], each, seed=seed)
            except TransitionError as error:
                yield place, str(error)
                break
        before |= dict.fromkeys(stage.seed_runs(name), stage)
        if control is not None:
            before[f"{name}_control"] = control


def check_soup(stage: Stage, ingredients: Mapping[str, Stage], *, seed: int | None = None) -> None:
    """Raise ``TransitionError`` where a stage would keep what the soup that it starts from lacks,
    or silently breaks with one of the stages that the soup is made of: a longer window, another
    seed. Of a stage with several seeds the first counts, as if it were continued itself."""
    kept = [field for field in LACKS if not isinstance(getattr(stage.inherit, field), Reset)]
    if kept:
        lacking = " and ".join(f"no {LACKS[field]}" for field in kept)
        resets = ", ".join(f"{field}: {{reset: WHY}}" for field in kept)
        raise TransitionError(
            f"{stage.start!r} is a soup and has {lacking} to keep: say inherit: {{{resets}}}"
        )
    for name, ingredient in ingredients.items():
        try:
            check_transition(ingredient, stage, seed=seed)
        except TransitionError as error:
            raise TransitionError(f"{stage.start!r} is a soup of {name!r}: {error}") from error
