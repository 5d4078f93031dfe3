"""Runs that train take a place in a pool; those that do not train wait for nobody."""

from pathlib import Path

from assets.training import POOL
from definitions import build_definitions
from midtrain_dagster.recipe_file import load_recipe


def test_jobs_that_train_are_in_the_pool_and_no_others(tiny: Path) -> None:
    repository = build_definitions([load_recipe(tiny)]).get_repository_def()
    jobs = {job.name: job.graph.pools for job in repository.get_all_jobs()}
    in_pool = {name for name, pools in jobs.items() if pools}
    assert in_pool == {"__ASSET_JOB", "tiny", "tiny_synthesise_to_evaluate"}
    assert all(pools <= {POOL} for pools in jobs.values())
