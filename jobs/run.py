"""Running a recipe's jobs in order, in this process, against the real instance."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import dagster as dg

from jobs.benchmarks import register_benchmarks
from jobs.news import Due
from jobs.sequence import Phase
from jobs.stopped import canceled_when_stopped
from jobs.tags import LOCATION, REPOSITORY
from midtrain_dagster.recipe import Recipe

Jobs = Callable[[str], dg.JobDefinition]
"""A job by its name, with its resources."""


def run_recipe(
    recipe: Recipe,
    jobs: Jobs,
    sequence: Sequence[Phase],
    instance: dg.DagsterInstance,
    due: Callable[[], Due],
    *,
    loggers: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Execute what is ``due``: of every phase, once or once for each benchmark.

    What is due is asked again after each phase, since some of it hangs on what was made. The runs
    are ordinary Dagster runs of the recipe's jobs and are on their pages afterwards, with ``tags``.
    Raises whatever an asset raised, ``KeyboardInterrupt`` where a person stops it; what was made
    before stays made.
    """
    register_benchmarks(recipe, instance)
    asked: Due | None = None
    for phase in sequence:
        asked = due() if asked is None else asked
        executed = False
        for partition in recipe.benchmarks if phase.by_benchmark else [None]:
            selected = [key for key in phase.keys if (key, partition) in asked]
            if not selected:
                continue
            executed = True
            run_id = str(uuid4())
            with canceled_when_stopped(instance, run_id):
                jobs(phase.job_name).execute_in_process(
                    run_id=run_id,
                    instance=instance,
                    partition_key=partition,
                    asset_selection=selected,
                    run_config={"loggers": loggers or {}},
                    tags={**(tags or {}), REPOSITORY: LOCATION},
                    raise_on_error=True,
                )
        if executed:
            asked = None
