"""What a schedule refreshes is fresh for so long, and a source that gives nothing is told."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from definitions import build_definitions
from jobs.freshness import freshness, quiet_refreshes, quiet_sensors
from jobs.tags import RUN
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.refresh.settings import Refresh
from resources.artifacts import REUSED
from tests.hook import Hook


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.mark.parametrize(
    ("cron", "gap"), [("0 3 * * *", 24), ("0 3 * * 1-5", 72), ("0 * * * *", 1)]
)
def test_asset_is_fresh_until_a_second_tick_was_missed(cron: str, gap: int) -> None:
    policy = freshness(Refresh(cron=cron))
    assert policy.warn_window.to_timedelta() == timedelta(hours=2 * gap)
    assert policy.fail_window.to_timedelta() == timedelta(hours=3 * gap)


def test_asset_that_is_refreshed_has_the_policy_and_no_other(tiny: Path) -> None:
    recipe = load_recipe(tiny).model_copy(update={"refresh": Refresh(cron="0 3 * * *")})
    graph = build_definitions([recipe]).resolve_asset_graph()
    with_policy = [node.key.path for node in graph.asset_nodes if node.freshness_policy]
    assert with_policy == [["tiny", "token_shards"]]


@dg.asset
def token_shards(context: dg.AssetExecutionContext) -> dg.Output[None]:
    return dg.Output(None, metadata={REUSED: "new" not in context.run.tags})


@dg.op
def nothing() -> None:
    pass


@dg.job(name="tiny_refresh")
def refresh() -> None:
    nothing()


def test_refreshes_are_counted_back_to_the_last_that_made_something(
    instance: dg.DagsterInstance,
) -> None:
    for number, new in enumerate((False, True, False, False)):
        invocation = {RUN: str(number)}
        dg.materialize(
            [token_shards], instance=instance, tags=invocation | ({"new": ""} if new else {})
        )
        refresh.execute_in_process(instance=instance, tags=invocation)
    assert quiet_refreshes(instance, "tiny_refresh", 8) == 2
    assert quiet_refreshes(instance, "tiny_refresh", 1) == 1


def test_sources_that_give_nothing_are_told_once(
    instance: dg.DagsterInstance, hook: Hook, tiny: Path
) -> None:
    section = Refresh(cron="0 3 * * *", quiet=2)
    (sensor,) = quiet_sensors(load_recipe(tiny), section, refresh)
    told = []
    for number, new in enumerate((True, False, False, False)):
        invocation = {RUN: str(number)}
        dg.materialize(
            [token_shards], instance=instance, tags=invocation | ({"new": ""} if new else {})
        )
        ended = refresh.execute_in_process(instance=instance, tags=invocation)
        (entry,) = instance.all_logs(ended.run_id, dg.DagsterEventType.RUN_SUCCESS)
        run, event = instance.get_run_by_id(ended.run_id), entry.dagster_event
        assert run and event
        sensor(
            dg.build_run_status_sensor_context(
                sensor_name=sensor.name,
                dagster_event=event,
                dagster_instance=instance,
                dagster_run=run,
            )
        )
        told.append(len(hook.bodies))
    assert told == [0, 0, 1, 1], "at the second in a row, and at no other"
    assert hook.bodies[0]["text"] == "tiny: nothing new: 2 refreshes in a row found nothing new"
