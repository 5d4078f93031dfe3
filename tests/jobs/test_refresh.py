"""A recipe's refresh in Dagster: a schedule that stands still, a job, and what is refused."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from definitions import build_definitions, recipe_assets
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import RecipeError, parse_recipe

MINIMAL = Path(__file__).parents[1] / "recipes" / "minimal.yaml"


def recipe(refresh: str) -> Recipe:
    return parse_recipe(MINIMAL, f"{MINIMAL.read_text()}refresh: {refresh}\n")


def definitions(refresh: str) -> Any:
    return build_definitions([recipe(refresh)]).get_repository_def()


def test_schedule_asks_for_the_refresh_at_its_hour_and_stands_still() -> None:
    made = definitions('{cron: "0 3 * * *", timezone: Europe/Berlin}')
    schedule = made.get_schedule_def("minimal_refresh_schedule")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert made.get_sensor_def("minimal_sources").default_status is dg.DefaultSensorStatus.STOPPED
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 3 * * *", "Europe/Berlin")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance, scheduled_execution_time=datetime(2026, 7, 1, 1, tzinfo=UTC)
        )
        tick = schedule.evaluate_tick(context)
    assert len(tick.run_requests) == 1
    assert schedule.job_name == "minimal_refresh" in made.job_names


def test_schedule_and_sensor_run_where_the_recipe_says_so() -> None:
    made = definitions('{cron: "0 3 * * *", running: true}')
    schedule = made.get_schedule_def("minimal_refresh_schedule")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert made.get_sensor_def("minimal_sources").default_status is dg.DefaultSensorStatus.RUNNING


def test_recipe_without_a_refresh_has_neither() -> None:
    made = build_definitions([parse_recipe(MINIMAL, MINIMAL.read_text())]).get_repository_def()
    assert made.schedule_defs == [] and "minimal_refresh" not in made.job_names


@pytest.mark.parametrize(
    ("refresh", "said"),
    [
        ('{cron: "0 0 30 2 *"}', "refresh.cron: '0 0 30 2 *' never fires"),
        ('{cron: "0 0 31 4,6 *"}', "refresh.cron: '0 0 31 4,6 *' never fires"),
        ("{cron: nightly}", "refresh.cron: 'nightly' never fires"),
        ('{cron: "0 3 * * *", until: shards}', "refresh.until: no asset 'shards'"),
        ('{cron: "0 3 * * *", until: tokenshards}', "did you mean 'token_shards'?"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(refresh: str, said: str) -> None:
    with pytest.raises(RecipeError, match="line 16") as refused:
        recipe_assets(recipe(refresh))
    assert said in str(refused.value)
