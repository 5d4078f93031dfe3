"""How long what a schedule refreshes counts as fresh, and when sources that give nothing are told.

A refresh asks the asset that it goes up to again, also where nothing is new: so Dagster knows when
somebody looked last. The source that changed is the exception; one that never does has moved away.
"""

import os
import time
from collections.abc import Sequence
from datetime import timedelta
from itertools import islice, pairwise

import dagster as dg
from dagster._utils.schedules import schedule_execution_time_iterator

from jobs.alerts import ADDRESS, Alert, send
from jobs.invocation import made_by
from jobs.tags import RUN
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.refresh.settings import Refresh
from resources.artifacts import asset_name

TICKS = 15
"""Ticks of a cron that its longest gap is looked for among."""


def freshness(section: Refresh) -> dg.FreshnessPolicy:
    """A tick that was missed is a warning, and the second a failure."""
    ticks = schedule_execution_time_iterator(time.time(), section.cron, section.timezone)
    gaps = (later - earlier for earlier, later in pairwise(islice(ticks, TICKS)))
    longest = max(gaps, default=timedelta(days=366))
    return dg.FreshnessPolicy.time_window(fail_window=3 * longest, warn_window=2 * longest)


def with_freshness(
    recipe: Recipe, assets: Sequence[dg.AssetsDefinition]
) -> list[dg.AssetsDefinition]:
    """The same assets; that which the recipe's schedule refreshes has a policy."""
    section = recipe.refresh
    if section is None:
        return list(assets)
    policy = freshness(section)
    return [
        each.map_asset_specs(lambda spec: spec.replace_attributes(freshness_policy=policy))
        if [asset_name(key) for key in each.keys] == [section.until]
        else each
        for each in assets
    ]


def quiet_sensors(
    recipe: Recipe, section: Refresh, job: dg.JobDefinition
) -> list[dg.SensorDefinition]:
    """A sensor that tells when so many refreshes in a row found nothing; none where nobody is to be
    told."""
    if not os.environ.get(ADDRESS):
        return []

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name=f"{recipe.name}_quiet",
        monitored_jobs=[job],
        description=f"Tells when {section.quiet} refreshes in a row found nothing new.",
        default_status=dg.DefaultSensorStatus.RUNNING,
        tags=dict(recipe.tags),
    )
    def quiet(context: dg.RunStatusSensorContext) -> None:
        if quiet_refreshes(context.instance, job.name, section.quiet + 1) == section.quiet:
            error = f"{section.quiet} refreshes in a row found nothing new"
            alert = Alert(what="nothing new", recipe=recipe.name, error=error)
            send([alert], context.log.warning)

    return [quiet]


def quiet_refreshes(instance: dg.DagsterInstance, job: str, most: int) -> int:
    """How many of a job's runs that succeeded made nothing, counted back from the last; at
    ``most`` so many."""
    succeeded = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS])
    runs = instance.get_runs(succeeded, limit=most)
    made = [bool(made_by(instance, run.tags[RUN])) for run in runs if RUN in run.tags]
    return made.index(True) if True in made else len(made)
