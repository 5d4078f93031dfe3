"""When Ray starts, and which Ray it is."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from midtrain_dagster.core import cluster_probe
from midtrain_dagster.core.cluster import ClusterError
from midtrain_dagster.core.execution import InProcess, OnRay
from midtrain_dagster.core.storage import Storage
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


def refusal(address: str, root: Path) -> str:
    """Why a cluster is refused, without Ray's words around it: one line, whatever is wrong."""
    with pytest.raises(ClusterError) as refused:
        RayCluster(address=address).require(Storage(root=str(root)))
    message = str(refused.value)
    assert "\n" not in message
    assert message.startswith(f"the Ray cluster at {address}: ")
    return message


def test_ray_at_an_address_is_tried_before_it_is_used(
    on_ray: OnRay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real cluster, with a token: Ray gives one to each that it starts."""
    import ray

    here = ray.get_runtime_context().gcs_address
    RayCluster(address=here).require(Storage(root=str(tmp_path)))
    lost = tmp_path / "nowhere"
    assert f"does not see the store's folder {lost}" in refusal(here, lost)
    assert "its node 127.0.0.1 cannot write to the store" in refusal(here, Path("/proc"))
    monkeypatch.setattr(cluster_probe.platform, "python_version", lambda: "3.0.1")
    told = cluster_probe.problem(here, Storage(root=str(tmp_path)).model_dump_json())
    assert told is not None and "and this is Ray 2.60.0 on Python 3.0.1" in told
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN" in refusal(here, tmp_path)


def test_ray_that_is_not_at_its_address_is_told_at_once(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    assert "no answer (Connection refused)" in refusal(address, tmp_path)
    assert "HOST:PORT, or auto" in refusal("head", tmp_path)


@pytest.mark.slow
def test_ray_is_not_what_any_server_is(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert "has not answered as Ray does within 10 s" in refusal(address, tmp_path)


def test_ray_of_our_own_needs_no_trial(tmp_path: Path) -> None:
    RayCluster(address="local").require(Storage(root=str(tmp_path)))
    RayCluster(address="nowhere:1", mode="in_process").require(Storage(root=str(tmp_path)))
