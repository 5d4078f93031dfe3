"""The sensor that keeps the benchmark partitions equal to the recipe's benchmarks."""

import dagster as dg

from assets.build import benchmark_partitions
from midtrain_dagster.recipe import Recipe


def register_benchmarks(recipe: Recipe, instance: dg.DagsterInstance) -> None:
    """Make the instance's partition keys the recipe's benchmarks, no more and no fewer."""
    name = benchmark_partitions(recipe).name
    assert name is not None
    present = set(instance.get_dynamic_partitions(name))
    instance.add_dynamic_partitions(name, [key for key in recipe.benchmarks if key not in present])
    for key in present - set(recipe.benchmarks):
        instance.delete_dynamic_partition(name, key)


def benchmark_sensor(recipe: Recipe) -> dg.SensorDefinition:
    """A sensor that registers benchmarks added to the recipe and drops those removed from it.

    It runs unless a person stops it. Nothing is dropped while a run is in progress: the run may be
    of another state of the recipe, and about to read the partition.
    """
    partitions = benchmark_partitions(recipe)

    @dg.sensor(
        name=f"{recipe.name}_benchmarks",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        tags=dict(recipe.tags),
    )
    def benchmarks(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        """Registers the recipe's benchmarks as partitions."""
        assert partitions.name is not None
        present = set(context.instance.get_dynamic_partitions(partitions.name))
        wanted = set(recipe.benchmarks)
        if present == wanted:
            return dg.SkipReason("the partitions are the recipe's benchmarks")
        requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
        if wanted - present:
            requests.append(partitions.build_add_request(sorted(wanted - present)))
        if present - wanted and not _running(context.instance):
            requests.append(partitions.build_delete_request(sorted(present - wanted)))
        if not requests:
            return dg.SkipReason("partitions that the recipe lacks are dropped when no run is left")
        return dg.SensorResult(dynamic_partitions_requests=requests)

    return benchmarks


def _running(instance: dg.DagsterInstance) -> bool:
    """Whether any run has begun and not ended."""
    begun = dg.RunsFilter(
        statuses=[
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
            dg.DagsterRunStatus.CANCELING,
        ]
    )
    return bool(instance.get_run_records(begun, limit=1))
