"""A recipe's jobs run in order, in one process, and stop at the first that fails."""

from pathlib import Path

import dagster as dg
import pytest

from assets.graph import benchmark_partitions
from jobs.run import run_recipe
from jobs.sequence import UnknownAssetError, ancestry, phases
from midtrain_dagster.recipe_file import load_recipe

SEEN: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    SEEN.clear()


def run(
    tiny: Path, folder: Path, broken: str = "", until: str | None = None
) -> list[dg.DagsterRun]:
    """Run a small graph in the place of the recipe's; returns the runs, oldest first."""
    recipe = load_recipe(tiny)
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
            SEEN.append(f"{name}{key}")

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
    wanted = ancestry(assets, until) if until else None
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        run_recipe(recipe, definitions, sequence, instance, {}, wanted)
        return list(reversed(instance.get_runs()))


def test_each_phase_once_or_once_for_each_benchmark(tiny: Path, tmp_path: Path) -> None:
    runs = run(tiny, tmp_path)
    assert SEEN == [
        "items[hellaswag]",
        "items[human_eval]",
        "documents",
        "scores[hellaswag]",
        "scores[human_eval]",
        "report",
    ]
    assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}


def test_a_failure_stops_the_sequence_and_is_raised_as_it_is(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="scores is broken"):
        run(tiny, tmp_path, broken="scores[hellaswag]")
    assert SEEN == ["items[hellaswag]", "items[human_eval]", "documents"]
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        statuses = [run.status.value for run in reversed(instance.get_runs())]
    assert statuses == ["SUCCESS", "SUCCESS", "SUCCESS", "FAILURE"]


def test_a_run_until_an_asset_makes_that_and_what_it_needs(tiny: Path, tmp_path: Path) -> None:
    runs = run(tiny, tmp_path, until="documents")
    assert SEEN == ["items[hellaswag]", "items[human_eval]", "documents"]
    assert len(runs) == 3
    with pytest.raises(UnknownAssetError, match=r"no asset 'document'.*documents, scores"):
        run(tiny, tmp_path, until="document")
