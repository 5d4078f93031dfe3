import json
import os
import socket
import subprocess
import sys
from typing import Any

import psutil

from midtrain_dagster.core.execution import InProcess, OnRay, Resources
from midtrain_dagster.core.machine import usable_cores


def square(number: int) -> int:
    return number * number


def test_both_give_each_item_its_own_result(on_ray: OnRay) -> None:
    for execution in (InProcess(), on_ray):
        results = dict(execution.map(square, range(20)))
        assert results == {n: n * n for n in range(20)}


def threads(_: int) -> tuple[int, int, int]:
    import numba
    import polars
    import torch

    return polars.thread_pool_size(), numba.get_num_threads(), torch.get_num_threads()


def test_a_task_has_the_threads_of_one_cpu(on_ray: OnRay) -> None:
    assert dict(on_ray.map(threads, [0])) == {0: (1, 1, 1)}


def test_a_task_that_asks_for_more_than_there_is_gets_what_there_is(on_ray: OnRay) -> None:
    much = [Resources(cpus=10_000, memory=2**60), Resources(cpus=1, memory=2**20)]
    assert dict(on_ray.map(square, [2, 3], much)) == {0: 4, 1: 9}


def test_nothing_to_do_starts_no_ray() -> None:
    program = """
import sys
from midtrain_dagster.core.execution import OnRay
assert list(OnRay("local").map(abs, [])) == []
print("ray" in sys.modules)
"""
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "False", output.stderr


def test_little_is_done_in_this_process_unless_a_ray_is_there(on_ray: OnRay) -> None:
    program = """
import os, sys
from midtrain_dagster.core.execution import OnRay
def process(_):
    return os.getpid()
assert dict(OnRay("local").map(process, [0, 1], is_little=True)) == {0: os.getpid(), 1: os.getpid()}
print("ray" in sys.modules)
"""
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "False", output.stderr
    ((_, process),) = on_ray.map(lambda _: os.getpid(), [0], is_little=True)
    assert process != os.getpid()


def test_our_own_ray_rests_and_is_there_for_the_next_unit_and_a_cluster_does_not() -> None:
    """The second time it is late: a machine that is full does not give its node the 30 seconds that
    Ray waits (nothing is waited for here). What had begun is ended, and another is started."""
    program = """
import os, tempfile
from pathlib import Path
import psutil
from midtrain_dagster.core.execution import InProcess, OnRay

temporary = tempfile.TemporaryDirectory()
os.environ["RAY_TMPDIR"] = temporary.name

def processes():
    return len(psutil.Process().children(recursive=True))

def named(name):
    return [p for p in psutil.Process().children(recursive=True) if p.name() == name]

def folders():
    return len(list(Path(temporary.name).glob("midtrain-*")))

def late(*arguments):
    services.get_node = in_time
    raise Exception("The current node timed out during startup. This could happen because ...")

execution = OnRay("local", object_store_bytes=80 * 2**20)
assert execution.rest() and InProcess().rest() and not OnRay("10.0.0.1:6379").rest()
for item in (-1, -2):
    assert list(execution.map(abs, [item])) == [(0, -item)]
    assert processes() > 2 and folders() == 1
    assert len(named("gcs_server")) == len(named("raylet")) == 1
    assert execution.rest()
    assert processes() == 0 and folders() == 0
    import ray._private.services as services
    in_time, services.get_node = services.get_node, late
print("rested")
"""
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert output.stdout.strip() == "rested", output.stderr
    assert output.stderr.count("Ray did not start in its 30 seconds") == 1


def started_elsewhere(stranger: str) -> dict[str, Any]:
    """What a Ray is like that another process starts through the seam, a stranger's named to it."""
    program = """
import json, sys
from midtrain_dagster.core.execution import OnRay
assert "ray" not in sys.modules
OnRay("local", object_store_bytes=80 * 2**20).start()
import ray
print(json.dumps({
    "address": ray.get_runtime_context().gcs_address,
    "cpus": ray.cluster_resources()["CPU"],
    "nodes": [node["NodeManagerAddress"] for node in ray.nodes()],
}))
ray.shutdown()
"""
    environment = {**os.environ, "RAY_ADDRESS": stranger}
    environment.pop("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER")
    output = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=environment,
    )
    found: dict[str, Any] = json.loads(output.stdout.splitlines()[-1])
    return found


def test_our_own_ray_is_sized_to_the_machine_on_loopback_and_no_stranger(on_ray: OnRay) -> None:
    """Another process's ``local`` Ray is its own, although one runs on this machine already."""
    import ray

    here = ray.get_runtime_context().gcs_address
    other = started_elsewhere(here)
    assert other["cpus"] == usable_cores()
    assert other["nodes"] == ["127.0.0.1"]
    assert other["address"] != here


def listening() -> set[str]:
    """The addresses of IP on which this process and all that it has started listen."""
    this = psutil.Process()
    return {
        connection.laddr.ip.removeprefix("::ffff:")
        for process in (this, *this.children(recursive=True))
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


def test_our_own_ray_listens_on_loopback_alone(on_ray: OnRay) -> None:
    """While units of work run: the GCS, the raylet, their agents, and each worker."""
    found = set[str]()
    for _ in on_ray.map(square, range(200)):
        found |= listening() if not found else set()
    assert found | listening() == {"127.0.0.1"}
    with socket.create_server(("0.0.0.0", 0)):
        assert listening() == {"0.0.0.0", "127.0.0.1"}, "another address would be seen"
