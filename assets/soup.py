"""Soups: averages of checkpoints, each an asset ``checkpoint/NAME``, evaluated as any other."""

from collections.abc import Mapping

import dagster as dg

from assets.build import Build, Built, artifact_asset, markdown_table
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.core.parts import Work
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.training.artifact import Checkpoint
from midtrain_dagster.training.checkpoints import average
from midtrain_dagster.training.checkpoints.average import RECORD, AverageError, Soup

Ingredients = dict[str, tuple[list[Part], float]]
"""What is averaged, by the name it is recorded under: the files and the share of each."""


def soup_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """An asset for each soup of the recipe."""
    return [_soup(recipe, name, soup) for name, soup in recipe.soups.items()]


def _soup(recipe: Recipe, name: str, soup: Soup) -> dg.AssetsDefinition:
    shares = recipe.ingredients(name)
    inputs = {f"ingredient_{number}": ingredient for number, ingredient in enumerate(shares)}

    @artifact_asset(
        recipe,
        f"checkpoint/{name}",
        group="training",
        method="soup",
        versions=versions_of(average),
        section={"soup": soup, "shares": shares},
        inputs={key: f"checkpoint/{ingredient}" for key, ingredient in inputs.items()},
        metadata=_metadata,
        kinds=("huggingface", "ray"),
        description=_description(soup, shares),
    )
    def average_(build: Build) -> Built:
        given = {ingredient: Checkpoint(build[key]) for key, ingredient in inputs.items()}
        ingredients = _ingredients(soup, shares, given)
        work = Work(
            average.average,
            files={
                f"ingredient_{number}": parts
                for number, (parts, _) in enumerate(ingredients.values())
            },
            parameters={"shares": {label: share for label, (_, share) in ingredients.items()}},
        )
        return build.parts([work]), {"ingredients": len(ingredients)}

    return average_


def _description(soup: Soup, shares: Mapping[str, float]) -> str:
    if soup.last is None:
        named = ", ".join(f"`{name}` ({share:.3g})" for name, share in shares.items())
        return f"A soup: the weights of {named}, averaged."
    how = "averaged"
    if soup.decay is not None:
        how = f"each weighing {soup.decay:g} times the next"
    if soup.as_decay is not None:
        how = f"weighed as a decay of the rate would ({soup.as_decay.method})"
    return f"The last {soup.last} checkpoints of `{soup.of}`, {how}."


def _metadata(artifact: Artifact) -> dict[str, dg.MetadataValue]:
    shares = average.recorded_shares(artifact.content(RECORD))
    rows = ((label, f"{share:.3f}") for label, share in shares.items())
    return {"averaged": markdown_table(("ingredient", "share"), rows, numbers=["share"])}


def _ingredients(
    soup: Soup, shares: Mapping[str, float], given: Mapping[str, Checkpoint]
) -> Ingredients:
    """Raises :class:`AverageError` where a stage's artifact has not kept as many checkpoints."""
    if soup.last is None:
        return {name: (given[name].model_files, share) for name, share in shares.items()}
    ((name, checkpoint),) = given.items()
    kept = checkpoint.milestones
    if len(kept) + 1 < soup.last:
        raise AverageError(
            f"{name} keeps {len(kept) + 1} checkpoints, and {soup.last} are to be averaged: set "
            f"checkpoints.milestones of {name}, and train it again"
        )
    last = kept[len(kept) + 1 - soup.last :]
    labels = [*(f"{name} {milestone.label}" for milestone in last), name]
    files = [*map(checkpoint.at, last), checkpoint.model_files]
    weights = average.last_shares(soup.last, soup.decay, soup.as_decay)
    return dict(zip(labels, zip(files, weights, strict=True), strict=True))
