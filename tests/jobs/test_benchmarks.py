"""The partitions are the recipe's benchmarks: by the command, and by the sensor."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from jobs.benchmarks import benchmark_sensor, register_benchmarks
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe

SET = "tiny_benchmark"


@pytest.fixture(scope="module")
def recipe(tiny: Path) -> Recipe:
    return load_recipe(tiny)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def keys(instance: dg.DagsterInstance) -> set[str]:
    return set(instance.get_dynamic_partitions(SET))


def test_command_adds_and_drops_keys(recipe: Recipe, instance) -> None:
    instance.add_dynamic_partitions(SET, ["human_eval", "an_old_one"])
    instance.add_dynamic_partitions("other_benchmark", ["of_another_recipe"])
    register_benchmarks(recipe, instance)
    assert keys(instance) == {"hellaswag", "human_eval"}
    register_benchmarks(recipe, instance)
    assert keys(instance) == {"hellaswag", "human_eval"}
    assert instance.get_dynamic_partitions("other_benchmark") == ["of_another_recipe"]


def tick(recipe: Recipe, instance: dg.DagsterInstance) -> tuple[set[str], set[str]]:
    """What one evaluation of the sensor asks for: keys added, keys deleted."""
    context = dg.build_sensor_context(instance=instance)
    data = benchmark_sensor(recipe).evaluate_tick(context)
    assert not data.run_requests
    added: set[str] = set()
    deleted: set[str] = set()
    for request in data.dynamic_partitions_requests:
        assert request.partitions_def_name == SET
        adds = isinstance(request, dg.AddDynamicPartitionsRequest)
        (added if adds else deleted).update(request.partition_keys)
    return added, deleted


def test_sensor_adds_what_is_new(recipe: Recipe, instance) -> None:
    assert tick(recipe, instance) == ({"hellaswag", "human_eval"}, set())


def test_sensor_drops_what_the_recipe_no_longer_has_once_no_run_is_left(
    recipe: Recipe, instance
) -> None:
    instance.add_dynamic_partitions(SET, ["hellaswag", "an_old_one"])
    ticks = []

    @dg.op
    def midway() -> None:
        ticks.append(tick(recipe, instance))

    @dg.job
    def another() -> None:
        midway()

    another.execute_in_process(instance=instance)
    ticks.append(tick(recipe, instance))
    assert ticks == [({"human_eval"}, set()), ({"human_eval"}, {"an_old_one"})]


def test_sensor_skips_and_says_why_when_nothing_changed(recipe: Recipe, instance) -> None:
    register_benchmarks(recipe, instance)
    context = dg.build_sensor_context(instance=instance)
    data = benchmark_sensor(recipe).evaluate_tick(context)
    assert not data.dynamic_partitions_requests
    assert data.skip_message == "the partitions are the recipe's benchmarks"
