"""Running a recipe's jobs in order, in this process, against the real instance."""

from typing import Any

import dagster as dg

from jobs.benchmarks import register_benchmarks
from jobs.sequence import Phase
from midtrain_dagster.recipe import Recipe


def run_recipe(
    recipe: Recipe,
    definitions: dg.Definitions,
    sequence: list[Phase],
    instance: dg.DagsterInstance,
    loggers: dict[str, Any],
    wanted: frozenset[dg.AssetKey] | None = None,
) -> None:
    """Make the graph, or the ``wanted`` assets of it: every phase once, or once for each benchmark.

    The runs are ordinary Dagster runs of the recipe's jobs and are in the UI afterwards. Raises
    whatever an asset raised; what was made before stays made.
    """
    register_benchmarks(recipe, instance)
    for phase in sequence:
        selected = [key for key in phase.keys if wanted is None or key in wanted]
        if not selected:
            continue
        job = definitions.resolve_job_def(phase.job_name)
        keys = list(recipe.benchmarks) if phase.by_benchmark else [None]
        for key in keys:
            job.execute_in_process(
                instance=instance,
                partition_key=key,
                asset_selection=selected,
                run_config={"loggers": loggers},
                raise_on_error=True,
            )
