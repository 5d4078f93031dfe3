"""dagster-ray's run launcher and executor with our definitions, on a real cluster of one node."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from benchmarks.job_server import RayHead
from midtrain_dagster.submission.server import JobServer

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[1]
TRAVEL = ("MIDTRAIN_ROOT", "MIDTRAIN_RECIPE", "DAGSTER_HOME", "PYTHONPATH")

LAUNCHER = """
telemetry: {{enabled: false}}
run_coordinator: {{module: dagster._core.run_coordinator, class: DefaultRunCoordinator}}
run_launcher:
  module: dagster_ray
  class: RayRunLauncher
  config: {{ray: {{address: "{address}", env_vars: [{travel}, MIDTRAIN_RAY_ADDRESS=auto]}}}}
"""

ON_RAY = """
import os
from pathlib import Path

import dagster as dg
from dagster_ray import ray_executor

from definitions import recipe_definitions, shared_definitions
from midtrain_dagster.recipe_file import load_recipe

on_ray = ray_executor.configured(
    {{"ray": {{"address": "{address}", "env_vars": [{travel}, "MIDTRAIN_RAY_ADDRESS=auto"]}}}}
)
recipe = load_recipe(Path(os.environ["MIDTRAIN_RECIPE"]))
defs = dg.Definitions.merge(recipe_definitions(recipe), shared_definitions(executor=on_ray))
"""


@pytest.fixture
def environment(command: Any, ray_head: RayHead, tmp_path: Path) -> dict[str, str]:
    """Of Dagster's own command: a store, an instance, a recipe that is refreshed to `documents`."""
    text = (REPOSITORY / "tests" / "recipes" / "minimal.yaml").read_text()
    recipe = tmp_path / "house.yaml"
    recipe.write_text(text + 'refresh: {cron: "0 3 * * *", until: documents}\n')
    home = command.root / ".dagster"
    home.mkdir(parents=True)
    return {
        **command.environment,
        "DAGSTER_HOME": str(home),
        "MIDTRAIN_RECIPE": str(recipe),
        "PYTHONPATH": f"{REPOSITORY}:{tmp_path}",
        **ray_head.client,
    }


def dagster(environment: dict[str, str], *arguments: str) -> None:
    """Dagster's own command, to its end."""
    finished = subprocess.run(
        [sys.executable, "-m", "dagster", *arguments],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def is_made(instance: dg.DagsterInstance) -> bool:
    return (
        instance.get_latest_materialization_event(dg.AssetKey(["house", "documents"])) is not None
    )


def test_run_launcher_has_a_run_made_by_a_job(
    environment: dict[str, str], ray_head: RayHead
) -> None:
    home = Path(environment["DAGSTER_HOME"])
    travel = ", ".join(TRAVEL)
    (home / "dagster.yaml").write_text(LAUNCHER.format(address=ray_head.address, travel=travel))
    dagster(environment, "job", "launch", "-m", "definitions", "-a", "defs", "-j", "house_refresh")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        (launched,) = [run for run in instance.get_runs() if run.job_name == "house_refresh"]
        for _ in range(600):
            run = instance.get_run_by_id(launched.run_id)
            assert run is not None
            if run.is_finished:
                break
            time.sleep(0.5)
        id_ = f"dagster-run-{launched.run_id}"
        assert run.status.value == "SUCCESS", JobServer(ray_head.address).job(id_)
        assert is_made(instance)
    (job,) = JobServer(ray_head.address).jobs("dagster-run-").values()
    assert job.submission_id == id_


def test_executor_has_an_asset_made_by_a_job(
    environment: dict[str, str], ray_head: RayHead, tmp_path: Path
) -> None:
    travel = ", ".join(f'"{name}"' for name in TRAVEL)
    module = ON_RAY.format(address=ray_head.address, travel=travel)
    (tmp_path / "on_ray.py").write_text(module)
    select = 'key:"house/documents"'
    dagster(environment, "asset", "materialize", "-m", "on_ray", "--select", select)
    with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as instance:
        assert is_made(instance)
    (job,) = JobServer(ray_head.address).jobs("dagster-step-").values()
    assert job.metadata["dagster/op"] == "house__documents"
    assert os.environ["RAY_AUTH_TOKEN"] not in str(job)
