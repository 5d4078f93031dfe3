"""The Definitions object that Dagster loads: one graph for each recipe.

``MIDTRAIN_RECIPE`` names the recipes (paths, separated by the system's path separator); without it
the demo's graph is shown.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from assets.collection import collection_assets
from assets.curation.group import curation_assets
from assets.curation.raters import rater_assets
from assets.decontamination import benchmark_assets, contamination_assets
from assets.evaluation import evaluation_assets, evaluation_checks
from assets.mixture import mixture_assets
from assets.report import report_assets
from assets.soup import soup_assets
from assets.synthesis import synthesis_assets
from assets.training import training_assets, training_checks
from jobs.benchmarks import benchmark_sensor
from jobs.sequence import Phase, phases
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from resources.artifacts import ArtifactBuilder, ArtifactIOManager, ArtifactStoreResource
from resources.generator import TextGeneratorResource
from resources.ray import RayCluster

RECIPE_VARIABLE = "MIDTRAIN_RECIPE"
DEFAULT_RECIPE = Path(__file__).parent / "recipes" / "demo.yaml"


def recipe_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The whole graph of one recipe, station by station."""
    assets = [
        *benchmark_assets(recipe),
        *collection_assets(recipe),
        *rater_assets(recipe),
        *curation_assets(recipe, documents="documents", prefix=()),
        *contamination_assets(recipe, documents="documents", prefix=()),
        *synthesis_assets(recipe),
        *mixture_assets(recipe),
        *training_assets(recipe),
        *soup_assets(recipe),
        *evaluation_assets(recipe),
    ]
    return [*assets, *report_assets(recipe, assets)]


def recipe_phases(recipe: Recipe) -> list[Phase]:
    """The jobs that make the recipe's graph, in order."""
    return phases(recipe, recipe_assets(recipe))


def build_definitions(
    recipes: Sequence[Recipe], loggers: dict[str, dg.LoggerDefinition] | None = None
) -> dg.Definitions:
    """Definitions for some recipes; ``loggers`` are the command's, to show progress."""
    artifacts, ray = ArtifactStoreResource(), RayCluster()
    return dg.Definitions(
        assets=[asset for recipe in recipes for asset in recipe_assets(recipe)],
        asset_checks=[
            check
            for recipe in recipes
            for check in (*training_checks(recipe), *evaluation_checks(recipe))
        ],
        jobs=[phase.job for recipe in recipes for phase in recipe_phases(recipe)],
        sensors=[benchmark_sensor(recipe) for recipe in recipes],
        resources={
            "workshop": ArtifactBuilder(artifacts=artifacts, ray=ray),
            "text_generator": TextGeneratorResource(ray=ray),
            "artifact_io_manager": ArtifactIOManager(artifacts=artifacts),
        },
        executor=dg.in_process_executor,
        loggers=loggers,
    )


def named_recipes() -> list[Recipe]:
    """The recipes that ``MIDTRAIN_RECIPE`` names, or the demo's."""
    named = os.environ.get(RECIPE_VARIABLE)
    paths = [Path(path) for path in named.split(os.pathsep)] if named else [DEFAULT_RECIPE]
    return [load_recipe(path) for path in paths]


@dg.definitions
def defs() -> dg.Definitions:
    """What ``workspace.yaml`` loads."""
    return build_definitions(named_recipes())
