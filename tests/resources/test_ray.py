"""When Ray starts, and which Ray it is."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from midtrain_dagster.core.execution import InProcess, OnRay
from resources.ray import RayCluster

REPOSITORY = Path(__file__).parents[2]


def run(program: str, **environment: str) -> str:
    """The last line that a program prints in a process of its own."""
    finished = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip().splitlines()[-1]


def test_ray_is_not_started_by_a_run_that_maps_nothing() -> None:
    program = """
import sys
import dagster as dg
from resources.ray import RayCluster

@dg.asset
def idle(ray: RayCluster) -> None:
    assert list(ray.execution().map(abs, [])) == []

assert dg.materialize([idle], resources={"ray": RayCluster()}).success
print("ray" in sys.modules)
"""
    assert run(program) == "False"


def test_ray_is_local_unless_an_address_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIDTRAIN_RAY_ADDRESS", raising=False)
    cluster = RayCluster()
    execution = cluster.execution()
    assert isinstance(execution, OnRay)
    assert execution.address == cluster.ray_address == "local"
    monkeypatch.setenv("MIDTRAIN_RAY_ADDRESS", "auto")
    assert RayCluster().ray_address == "auto"
    assert isinstance(RayCluster(mode="in_process").execution(), InProcess)


def test_ray_of_the_process_is_shared_by_the_assets_of_a_run(on_ray: OnRay) -> None:
    import ray as ray_

    before = ray_.get_runtime_context().get_job_id()
    seen: list[dict[int, int]] = []

    def asset(name: str) -> dg.AssetsDefinition:
        @dg.asset(name=name)
        def made(ray: RayCluster) -> None:
            seen.append(dict(ray.execution().map(abs, [-1, -2, -3])))

        return made

    for _ in range(2):
        dg.materialize([asset("a"), asset("b")], resources={"ray": RayCluster(address="local")})
    assert seen == [{0: 1, 1: 2, 2: 3}] * 4
    assert ray_.get_runtime_context().get_job_id() == before


def test_ray_at_an_address_is_connected_to_and_gives_tasks_one_thread(on_ray: OnRay) -> None:
    import ray

    here = ray.get_runtime_context().gcs_address
    program = """
from resources.ray import RayCluster

def threads(_):
    import polars
    return polars.thread_pool_size()

assert dict(RayCluster().execution().map(threads, [1, 2])) == {0: 1, 1: 1}
import ray
print(ray.get_runtime_context().gcs_address)
"""
    assert run(program, MIDTRAIN_RAY_ADDRESS=here) == here
