"""The scheduled refresh: a job that makes what is new up to one asset, and the schedule it runs by.

A source's new, changed and removed files are causes of what is made from it. So a refresh is the
same as any run: what is due is made, in parts, and all else is found.
"""

import time
from collections.abc import Sequence

import dagster as dg
from dagster._utils.schedules import is_valid_cron_schedule, schedule_execution_time_iterator

from jobs.freshness import quiet_sensors
from jobs.sequence import Phase, UnknownAssetError, ancestry
from jobs.watch import source_sensor
from jobs.whole import making_job
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import RecipeError, field_in_file
from midtrain_dagster.refresh.settings import Refresh


def require_refresh(recipe: Recipe, assets: Sequence[dg.AssetsDefinition]) -> None:
    """Raise :class:`RecipeError` for a cron that never fires and for an asset that is not there."""
    section = recipe.refresh
    if section is None:
        return
    wrong = []
    if not _fires(section):
        wrong.append(
            f"{field_in_file(recipe, ('refresh', 'cron'))}: {section.cron!r} never fires: it is no "
            "cron of five fields (minute, hour, day, month, weekday), or no month has such a day"
        )
    try:
        ancestry(assets, section.until)
    except UnknownAssetError as error:
        wrong.append(f"{field_in_file(recipe, ('refresh', 'until'))}: {error}")
    if wrong:
        raise RecipeError("\n".join(wrong))


def _fires(section: Refresh) -> bool:
    if not is_valid_cron_schedule(section.cron):
        return False
    try:
        next(schedule_execution_time_iterator(time.time(), section.cron, section.timezone))
    except ValueError:  # croniter's, for days that do not come within its years
        return False
    return True


def refresh_definitions(
    recipe: Recipe, assets: Sequence[dg.AssetsDefinition], sequence: Sequence[Phase]
) -> dg.Definitions:
    """Job, schedule and sensor of a recipe that says when it is refreshed; nothing of another."""
    if recipe.refresh is None:
        return dg.Definitions()
    job = refresh_job(recipe, recipe.refresh, assets, sequence)
    return dg.Definitions(
        jobs=[job],
        schedules=[refresh_schedule(recipe, recipe.refresh, job)],
        sensors=[
            source_sensor(recipe, recipe.refresh, job),
            *quiet_sensors(recipe, recipe.refresh, job),
        ],
    )


def refresh_job(
    recipe: Recipe,
    section: Refresh,
    assets: Sequence[dg.AssetsDefinition],
    sequence: Sequence[Phase],
) -> dg.JobDefinition:
    """The job ``NAME_refresh``."""
    return making_job(
        recipe,
        assets,
        sequence,
        name=f"{recipe.name}_refresh",
        op_name=f"refresh_{recipe.name}",
        description=(
            f"Makes what is new in the sources of `{recipe.name}`, and whatever depends on it, up "
            f"to `{section.until}`; says what came, what went, and what that changed."
        ),
        until=section.until,
    )


def refresh_schedule(
    recipe: Recipe, section: Refresh, job: dg.JobDefinition
) -> dg.ScheduleDefinition:
    """The schedule of the recipe's cron; it stands still unless the recipe has it running."""
    status = dg.DefaultScheduleStatus
    return dg.ScheduleDefinition(
        name=f"{recipe.name}_refresh_schedule",
        job=job,
        cron_schedule=section.cron,
        execution_timezone=section.timezone,
        default_status=status.RUNNING if section.running else status.STOPPED,
        tags=dict(recipe.tags),
        description=f"Refreshes `{recipe.name}` up to `{section.until}`, `{section.cron}`.",
    )
