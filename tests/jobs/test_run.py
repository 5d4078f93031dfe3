"""A recipe's jobs run in order, in one process, and stop at the first that fails."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import pytest
import yaml

from assets.build import benchmark_partitions
from jobs.news import Due
from jobs.run import run_recipe
from jobs.sequence import UnknownAssetError, ancestry, phases
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def recipe(tiny: Path) -> Recipe:
    return load_recipe(tiny)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def run(
    recipe: Recipe,
    instance: dg.DagsterInstance,
    seen: list[str],
    broken: str = "",
    until: str | None = None,
    there: Sequence[str] = (),
) -> list[str]:
    """Run a small graph in the place of the recipe's, but for what is ``there``; the statuses of
    its runs, oldest first."""
    partitions = benchmark_partitions(recipe)

    def asset(name: str, needs: list[str], partitioned: bool) -> dg.AssetsDefinition:
        @dg.asset(
            key=["tiny", name],
            group_name="group",
            deps=[["tiny", need] for need in needs],
            partitions_def=partitions if partitioned else None,
        )
        def made(context: dg.AssetExecutionContext) -> None:
            key = f"[{context.partition_key}]" if partitioned else ""
            if f"{name}{key}" == broken:
                raise ValueError(f"{name} is broken")
            seen.append(f"{name}{key}")

        return made

    assets = [
        asset("items", [], True),
        asset("documents", ["items"], False),
        asset("scores", ["documents"], True),
        asset("report", ["scores"], False),
    ]
    sequence = phases(recipe, assets)
    definitions = dg.Definitions(
        assets=assets,
        jobs=[phase.job for phase in sequence],
        executor=dg.in_process_executor,
    )
    keys = ancestry(assets, until) if until else {asset.key for asset in assets}

    def due() -> Due:
        return {
            (asset.key, partition)
            for asset in assets
            for partition in (recipe.benchmarks if asset.partitions_def else [None])
            if asset.key in keys and f"{asset.key.path[-1]}{partition or ''}" not in there
        }

    run_recipe(
        recipe, definitions.resolve_job_def, sequence, instance, due, tags={"midtrain/run": "one"}
    )
    assert {run.tags["midtrain/run"] for run in instance.get_runs()} == {"one"}
    return statuses(instance)


def statuses(instance: dg.DagsterInstance) -> list[str]:
    return [run.status.value for run in reversed(instance.get_runs())]


def test_run_makes_each_phase_once_or_once_for_each_benchmark(recipe: Recipe, instance) -> None:
    seen: list[str] = []
    assert run(recipe, instance, seen) == ["SUCCESS"] * 6
    assert seen == [
        "items[hellaswag]",
        "items[human_eval]",
        "documents",
        "scores[hellaswag]",
        "scores[human_eval]",
        "report",
    ]


def test_run_stops_at_a_failure_and_raises_it_as_it_is(recipe: Recipe, instance) -> None:
    seen: list[str] = []
    with pytest.raises(ValueError, match="scores is broken"):
        run(recipe, instance, seen, broken="scores[hellaswag]")
    assert seen == ["items[hellaswag]", "items[human_eval]", "documents"]
    assert statuses(instance) == ["SUCCESS", "SUCCESS", "SUCCESS", "FAILURE"]


def test_run_leaves_alone_what_is_not_due_and_starts_no_run_for_it(recipe, instance) -> None:
    seen: list[str] = []
    there = ["itemshellaswag", "itemshuman_eval", "documents", "scoreshuman_eval"]
    assert run(recipe, instance, seen, there=there) == ["SUCCESS"] * 2
    assert seen == ["scores[hellaswag]", "report"]


def test_runs_stand_on_the_page_of_their_job(recipe: Recipe, instance) -> None:
    """By the tag that Dagster's UI asks for; its value is that of ``workspace.yaml``."""
    run(recipe, instance, [])
    (location,) = yaml.safe_load((REPOSITORY / "workspace.yaml").read_text())["load_from"]
    name = location["python_module"]["location_name"]
    assert {each.tags[".dagster/repository"] for each in instance.get_runs()} == {
        f"__repository__@{name}"
    }


def test_run_until_an_asset_makes_that_and_what_it_needs(recipe: Recipe, instance) -> None:
    seen: list[str] = []
    assert len(run(recipe, instance, seen, until="documents")) == 3
    assert seen == ["items[hellaswag]", "items[human_eval]", "documents"]
    with pytest.raises(UnknownAssetError, match=r"no asset 'document'.*documents, scores"):
        run(recipe, instance, seen, until="document")
