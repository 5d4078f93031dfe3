"""Mixtures that are found in the graph, for stages that name them: ``mixture: {from: NAME}``."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.build import Build, Built, artifact_asset, image, markdown_table
from assets.training import POOL
from midtrain_dagster.core.artifacts import Artifact
from midtrain_dagster.mixture import report_found
from midtrain_dagster.mixture.method import Method, Trains, versions
from midtrain_dagster.mixture.proposal_tables import overall
from midtrain_dagster.mixture.reference import FoundMixture
from midtrain_dagster.recipe import Recipe


def mixture_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """An asset ``mixture/NAME`` for each of the recipe's mixtures."""
    return [_mixture(recipe, name, method) for name, method in recipe.mixtures.items()]


def _mixture(recipe: Recipe, name: str, method: Method) -> dg.AssetsDefinition:
    @artifact_asset(
        recipe,
        f"mixture/{name}",
        group="mixture",
        method="mixture",
        versions=versions(method),
        section=method,
        inputs={"token_shards": "token_shards", **method.reads},
        rows="weights",
        metadata=_metadata,
        kinds=("pytorch" if isinstance(method, Trains) else "polars", "ray"),
        pool=POOL if isinstance(method, Trains) else None,
    )
    def mixture(build: Build) -> Built:
        """The share of each domain, for every stage whose mixture is from here."""
        given = {each: build[each] for each in method.reads}
        return build.parts([method.work(build["token_shards"].parts("train_index"), given)])

    return mixture


def _metadata(artifact: Artifact) -> Mapping[str, Any]:
    """The shares, and a picture of what else there is."""
    from midtrain_dagster.display.style import figure_png

    pictures = report_found.figures(FoundMixture(artifact))
    worth = {"worth": overall(artifact.read("gain"))} if artifact.has("gain") else {}
    return {
        "shares": _shares(artifact),
        **worth,
        **{name: image(figure_png(made)) for name, (made, _) in pictures.items()},
    }


def _shares(artifact: Artifact) -> dg.MarkdownMetadataValue:
    table = artifact.read("weights").sort("share", descending=True)
    rows = (
        (row["domain"], f"{row['share']:.2%}", f"{row['tokens']:,}")
        for row in table.iter_rows(named=True)
    )
    return markdown_table(("domain", "share", "tokens"), rows, numbers=("share", "tokens"))
