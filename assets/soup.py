"""Soups: averages of checkpoints, each an asset that is evaluated as any checkpoint."""

from collections.abc import Mapping

import dagster as dg

from assets.graph import asset_arguments, fingerprints, inputs, materialized
from assets.training import MILESTONE, checkpoint_files
from midtrain_dagster.core.artifacts import Artifact, Part
from midtrain_dagster.core.parts import Work
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.training.checkpoints import average
from midtrain_dagster.training.checkpoints.average import AverageError
from resources.artifacts import ArtifactBuilder

METHOD = "soup"


def soup_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """An asset for each soup of the recipe."""
    return [_soup(recipe, name) for name in recipe.soups]


def _soup(recipe: Recipe, name: str) -> dg.AssetsDefinition:
    soup, shares = recipe.soups[name], recipe.ingredients(name)
    section = {"soup": soup.model_dump(mode="json"), "shares": shares}

    @dg.asset(
        **asset_arguments(
            recipe,
            "training",
            version=average.VERSION,
            section=section,
            kinds=("huggingface", "ray"),
        ),
        name=name,
        description=_description(soup, shares),
        ins=inputs(recipe, **{ingredient: ingredient for ingredient in shares}),
    )
    def soup_(
        context: dg.AssetExecutionContext, workshop: ArtifactBuilder, **ingredients: Artifact
    ) -> dg.Output[Artifact]:
        chosen = _chosen(soup, shares, ingredients)

        def build(_: str) -> tuple[list[Part], dict[str, int]]:
            work = Work(
                METHOD,
                average.VERSION,
                average.average,
                files={
                    f"ingredient_{number}": parts
                    for number, (parts, _) in enumerate(chosen.values())
                },
                parameters={"shares": {label: share for label, (_, share) in chosen.items()}},
            )
            (parts,) = workshop.parts(context, [work])
            return parts, {"ingredients": len(chosen)}

        artifact = workshop.store.make(
            METHOD, average.VERSION, section, fingerprints(ingredients=ingredients), build
        )
        rows = [f"| {label} | {share:.3f} |" for label, (_, share) in chosen.items()]
        table = "\n".join(["| ingredient | share |", "|---|---:|", *rows])
        return materialized(artifact, averaged=dg.MetadataValue.md(table))

    return soup_


def _description(soup: average.Soup, shares: Mapping[str, float]) -> str:
    if soup.last is None:
        told = ", ".join(f"`{name}` ({share:.3g})" for name, share in shares.items())
        return f"A soup: the weights of {told}, averaged."
    how = "averaged" if soup.decay is None else f"each weighing {soup.decay:g} times the next"
    return f"The last {soup.last} checkpoints of `{soup.of}`, {how}."


def _chosen(
    soup: average.Soup, shares: Mapping[str, float], ingredients: Mapping[str, Artifact]
) -> dict[str, tuple[list[Part], float]]:
    """What is averaged, by the name it is recorded under: the files and the share of each.

    Raises :class:`AverageError` where a stage's artifact has not kept as many checkpoints.
    """
    if soup.last is None:
        return {name: (_model(ingredients[name]), share) for name, share in shares.items()}
    ((name, artifact),) = ingredients.items()
    kept = [part for part in artifact.manifest.parts if part.table == MILESTONE]
    if len(kept) + 1 < soup.last:
        raise AverageError(
            f"{name} keeps {len(kept) + 1} checkpoints, and {soup.last} are to be averaged: set "
            f"checkpoints.milestones of {name}, and train it again"
        )
    own = _model(artifact)
    rest = [part for part in own if part.table != average.WEIGHTS]
    each = [[part, *rest] for part in kept[len(kept) + 1 - soup.last :]]
    labels = [f"{name} {part.label}" for part, *_ in each]
    averaged = zip([*each, own], average.last_shares(soup.last, soup.decay), strict=True)
    return dict(zip([*labels, name], averaged, strict=True))


def _model(artifact: Artifact) -> list[Part]:
    """The files of a checkpoint that make a model: no optimizer, no log."""
    return [
        part
        for part in checkpoint_files(artifact)
        if part.table in average.COPIED or part.table.startswith("model")
    ]
