"""Jobs of a real cluster, found again after the client was killed, and after the cluster was."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest

from benchmarks.job_server import RayHead
from midtrain_dagster.submission.follow import Following, JobFailedError, Request
from midtrain_dagster.submission.server import JobServer

pytestmark = pytest.mark.slow

CLIENT = """
import sys
from midtrain_dagster.submission.follow import Following, Request
from midtrain_dagster.submission.server import JobServer

address, name, entrypoint = sys.argv[1:]
say = lambda line: print(line, flush=True)
request = Request(name=name, entrypoint=entrypoint, runtime_env={})
Following(JobServer(address), request, say, say).to_the_end()
"""


class Told:
    """What a job and its cluster say."""

    def __init__(self, head: RayHead, name: str, entrypoint: str) -> None:
        self.lines: list[str] = []
        self.notes: list[str] = []
        request = Request(name=name, entrypoint=entrypoint, runtime_env={}, metadata={"a": "b"})
        self.following = Following(
            JobServer(head.address), request, self.lines.append, self.notes.append
        )

    def numbers(self) -> list[str]:
        return [line for line in self.lines if line.isdigit()]


def test_job_is_attached_to_when_its_client_was_killed(ray_head: RayHead) -> None:
    counting = "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 1; done; exit 3"
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, ray_head.address, "attached", counting],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | ray_head.client,
    )
    assert client.stdout
    for line in client.stdout:
        if line.strip() == "2":
            break
    client.send_signal(signal.SIGKILL)
    client.wait()
    client.stdout.close()
    told = Told(ray_head, "attached", counting)
    with pytest.raises(JobFailedError, match=r"attached-1 failed \(exit code 3\)"):
        told.following.to_the_end()
    assert told.notes == ["attached to the Ray job attached-1, which runs; all of its log"]
    assert told.numbers() == list("12345678")
    assert set(told.following.server.jobs("attached-")) == {"attached-1"}


def test_job_that_is_killed_is_submitted_again_and_one_that_is_stopped_is_not(
    ray_head: RayHead, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    once = f"if [ ! -e {flag} ]; then touch {flag}; kill -9 $$; fi; echo 7"
    told = Told(ray_head, "killed", once)
    assert told.following.to_the_end() == "killed-2"
    assert told.notes[1:] == [
        "the Ray job killed-1 was killed: it is submitted again",
        f"submitted as the Ray job killed-2 to {ray_head.address}",
    ]
    assert told.numbers() == ["7"]

    stopped = Told(ray_head, "stopped", "echo 1; sleep 600")
    other = Told(ray_head, "stopped", "echo 1; sleep 600")

    def stop() -> None:
        while not stopped.numbers():
            time.sleep(0.1)
        other.following.id = "stopped-1"
        other.following.stop()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(JobFailedError, match="stopped-1 was stopped"):
        stopped.following.to_the_end()
    stopper.join()
    assert other.notes == ["the Ray job stopped-1 is stopped"]


def test_job_that_the_cluster_has_lost_is_submitted_again(
    ray_head: RayHead, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    told = Told(ray_head, "lost", f"echo 1; while [ ! -e {flag} ]; do sleep 0.2; done; echo 2")

    followed: Future[str] = Future()

    def follow() -> None:
        try:
            followed.set_result(told.following.to_the_end())
        except Exception as error:
            followed.set_exception(error)

    threading.Thread(target=follow, daemon=True).start()

    def wait_for(what: Callable[[], bool]) -> None:
        while not what():
            assert not followed.done(), followed.exception()
            time.sleep(0.1)

    wait_for(lambda: bool(told.numbers()))
    ray_head.kill()
    flag.touch()
    wait_for(lambda: any("no answer" in note for note in told.notes))
    ray_head.start()
    assert followed.result(timeout=300) == "lost-2", told.notes
    assert f"{ray_head.address} answers again" in told.notes
    assert "the Ray job lost-1 is known to the cluster no more: it is submitted again" in told.notes
    assert told.numbers()[-2:] == ["1", "2"]
