"""What Dagster is given: one graph for each recipe, and the resources that all of them share.

Which recipes those are is written as Dagster's components are: ``recipes/defs/*/defs.yaml``, one
:class:`RecipeComponent` each. ``MIDTRAIN_RECIPE`` (paths, separated by the system's path separator)
names others in their place.
"""

from midtrain.own_packages import require_own_packages

require_own_packages()

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg
from pydantic import Field

from assets.benchmark_checks import benchmark_checks
from assets.checks import evaluation_checks, training_checks
from assets.collection import collection_assets
from assets.curation.group import curation_assets
from assets.curation.raters import rater_assets
from assets.decontamination import benchmark_assets, contamination_assets
from assets.evaluation import evaluation_assets
from assets.experiments import experiment_assets
from assets.generators import generator_assets
from assets.laws import law_assets
from assets.leaks import leak_assets
from assets.length_gates import gate_assets, length_checks
from assets.long_context import long_context_assets
from assets.microanneals import microanneal_assets
from assets.mixture import mixture_assets
from assets.preflight import preflight_assets
from assets.probe import probe_assets
from assets.report import report_assets
from assets.samples import sample_assets
from assets.soup import soup_assets
from assets.synthesis import synthesis_assets
from assets.tokens import curated_pairs, token_assets
from assets.training import training_assets
from jobs.alert_sensors import alert_sensors
from jobs.automation import automated, automation_sensors
from jobs.benchmarks import benchmark_sensor
from jobs.freshness import with_freshness
from jobs.killed import killed_runs_sensor
from jobs.refresh import refresh_definitions, require_refresh
from jobs.sequence import phases
from jobs.whole import whole_job
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from resources.artifacts import ArtifactBuilder, ArtifactIOManager, ArtifactStoreResource
from resources.generator import TextGeneratorResource
from resources.ray import RayCluster

ROOT = Path(__file__).parent
RECIPE_VARIABLE = "MIDTRAIN_RECIPE"


def recipe_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """The whole graph of one recipe, station by station.

    Raises :class:`RecipeError` where the recipe's schedule names what is not there.
    """
    assets = [
        *benchmark_assets(recipe),
        *collection_assets(recipe),
        *rater_assets(recipe),
        *curation_assets(recipe, documents="documents", prefix=()),
        *contamination_assets(recipe, documents="documents", prefix=()),
        *probe_assets(recipe),
        *synthesis_assets(recipe),
        *generator_assets(recipe),
        *leak_assets(recipe, curated_pairs(recipe)),
        *token_assets(recipe),
        *experiment_assets(recipe),
        *mixture_assets(recipe),
        *preflight_assets(recipe),
        *training_assets(recipe),
        *soup_assets(recipe),
        *law_assets(recipe),
        *gate_assets(recipe),
        *microanneal_assets(recipe),
        *evaluation_assets(recipe),
        *long_context_assets(recipe),
        *sample_assets(recipe),
    ]
    assets += report_assets(recipe, assets)
    require_refresh(recipe, assets)
    return assets


def recipe_definitions(recipe: Recipe) -> dg.Definitions:
    """The graph of one recipe with its checks, the jobs that make it, and its sensor."""
    assets = recipe_assets(recipe)
    sequence = phases(recipe, assets)
    of_all = dg.Definitions(
        assets=with_freshness(recipe, automated(recipe, assets)),
        asset_checks=[
            *training_checks(recipe),
            *evaluation_checks(recipe),
            *benchmark_checks(recipe),
            *length_checks(recipe),
        ],
        jobs=[whole_job(recipe, assets, sequence), *(phase.job for phase in sequence)],
        sensors=[benchmark_sensor(recipe), *automation_sensors(recipe, assets)],
    )
    return dg.Definitions.merge(of_all, refresh_definitions(recipe, assets, sequence))


def shared_definitions(
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
    executor: dg.ExecutorDefinition = dg.in_process_executor,
) -> dg.Definitions:
    """What the graphs of all recipes share; ``loggers`` are the command's, to show progress.
    Another ``executor``, as dagster-ray's, is for definitions of one's own (docs/clusters.md)."""
    artifacts, ray = ArtifactStoreResource(), RayCluster()
    generator = TextGeneratorResource(ray=ray)
    return dg.Definitions(
        resources={
            "artifact_builder": ArtifactBuilder(
                artifacts=artifacts, ray=ray, text_generator=generator
            ),
            "artifact_io_manager": ArtifactIOManager(artifacts=artifacts),
        },
        sensors=[killed_runs_sensor(), *alert_sensors()],
        executor=executor,
        loggers=loggers,
    )


def build_definitions(
    recipes: Sequence[Recipe], loggers: Mapping[str, dg.LoggerDefinition] | None = None
) -> dg.Definitions:
    """Everything for some recipes, as it runs."""
    return dg.Definitions.merge(*map(recipe_definitions, recipes), shared_definitions(loggers))


class RecipeComponent(dg.Component, dg.Resolvable, dg.Model):
    """The graph of one recipe with its checks, the jobs that make it, and its sensor."""

    recipe: str = Field(description="The recipe's file, from the project's folder")

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """What Dagster lists of it."""
        return dg.ComponentTypeSpec(produces=["asset", "asset_check", "job", "sensor"])

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The recipe's definitions; raises :class:`RecipeError` with every mistake in it."""
        return recipe_definitions(load_recipe(context.project_root / self.recipe))


@dg.definitions
def defs() -> dg.Definitions:
    """What ``workspace.yaml`` and ``dg`` load."""
    named = os.environ.get(RECIPE_VARIABLE)
    if named:
        return build_definitions([load_recipe(Path(path)) for path in named.split(os.pathsep)])
    return dg.Definitions.merge(
        dg.load_from_defs_folder(path_within_project=ROOT), shared_definitions()
    )
