"""One makes a thing at a time, whoever else wants to, and whoever is killed."""

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from midtrain_dagster.core import lease as leases
from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.lease import Holder, lease
from midtrain_dagster.core.storage import Storage

MAKER = """
import sys, time
from pathlib import Path
from midtrain_dagster.core import lease
from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.core.storage import Storage

root, who, waits = sys.argv[1:]
lease.WAIT_SECONDS = 0.02
storage = Storage(root=root)

def build(fingerprint):
    print("builds", flush=True)
    while waits == "for ever" or (waits and not Path(root, "go").exists()):
        time.sleep(0.01)
    return [write_output(storage, "parts/x", "made", who.encode())], {}

def on_wait(holder):
    print("waits for", holder.pid, flush=True)

made = ArtifactStore(storage).make("slow", {"m": 1}, None, {}, build, on_wait)
print(made.content("made").decode(), flush=True)
"""


def maker(root: Path, who: str, waits: str = "") -> "subprocess.Popen[str]":
    """A process that makes the artifact ``slow``, or finds it."""
    return subprocess.Popen(
        [sys.executable, "-c", MAKER, str(root), who, waits], stdout=subprocess.PIPE, text=True
    )


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def flags(root: Path) -> list[Path]:
    return list((root / "leases" / "slow").glob("*.json"))


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return Storage(root=str(tmp_path))
    endpoint = request.getfixturevalue("s3_endpoint")
    return Storage(root=f"s3://midtrain/{tmp_path.name}", endpoint=endpoint, region="us-east-1")


def test_second_process_waits_and_finds_what_the_first_has_made(tmp_path: Path) -> None:
    first = maker(tmp_path, "first", "for a file")
    assert line(first) == "builds"
    second = maker(tmp_path, "second")
    assert line(second) == f"waits for {first.pid}"
    (tmp_path / "go").touch()
    assert [line(process) for process in (first, second)] == ["first", "first"]
    assert [first.wait(), second.wait()] == [0, 0]
    assert flags(tmp_path) == []


def test_lease_of_a_killed_process_is_taken_over_at_once(tmp_path: Path) -> None:
    first = maker(tmp_path, "first", "for ever")
    assert line(first) == "builds"
    second = maker(tmp_path, "second")
    assert line(second) == f"waits for {first.pid}"
    first.kill()  # and nobody has waited for it yet
    assert [line(second), line(second)] == ["builds", "second"]
    assert second.wait() == 0
    first.wait()
    assert flags(tmp_path) == []


def test_lease_is_held_by_one_at_a_time(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "WAIT_SECONDS", 0.02)
    inside, most, count = 0, 0, 0

    def work() -> None:
        nonlocal inside, most, count
        for _ in range(3):
            with lease(storage, "slow/a"):
                inside += 1
                most = max(most, inside)
                time.sleep(0.002)
                count += 1
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, count) == (1, 12)
    assert storage.list("leases") == []


def test_leases_of_other_names_are_nobodys_business(storage: Storage) -> None:
    with lease(storage, "slow/a"), lease(storage, "slow/ab"), lease(storage, "other/a"):
        assert len(storage.list("leases")) == 3


def put_flag(storage: Storage, machine: str, age: float) -> None:
    """A flag on another machine, whose heartbeat was so many seconds ago."""
    then = datetime.now(UTC) - timedelta(seconds=age)
    holder = Holder(
        host="elsewhere",
        pid=1,
        machine=machine,
        process_started=0.0,
        started=then,
        heartbeat=then,
    )
    storage.write("leases/slow/a.0.json", holder.model_dump_json().encode())


def test_lease_of_another_machine_is_honoured_until_its_heart_has_stopped(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "WAIT_SECONDS", 0.02)
    put_flag(storage, "another machine", age=leases.STALE_SECONDS - 2)
    told: list[str] = []
    with lease(storage, "slow/a", lambda holder: told.append(str(holder))):
        assert len(storage.list("leases")) == 1
    (message,) = told
    assert message.startswith("process 1 on elsewhere since 20")


@pytest.mark.parametrize("age", [2, -2])
def test_lease_of_a_clock_that_jumped_is_taken(storage: Storage, age: int) -> None:
    put_flag(storage, "another machine", age=age * leases.STALE_SECONDS)
    waited: list[Holder] = []
    with lease(storage, "slow/a", waited.append):
        pass
    assert waited == []


def test_lease_of_a_process_number_that_is_anothers_now_is_taken(storage: Storage) -> None:
    put_flag(storage, leases._machine(), age=1)  # process 1 began with the machine, not in 1970
    waited: list[Holder] = []
    with lease(storage, "slow/a", waited.append):
        pass
    assert waited == []


def test_flag_that_cannot_be_read_is_nobodys(storage: Storage) -> None:
    storage.write("leases/slow/a.0.json", b"{}")
    with lease(storage, "slow/a"):
        pass
    assert storage.list("leases") == []


def test_heartbeat_goes_on_while_the_lease_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.01)
    with lease(Storage(root=str(tmp_path)), "slow/a"):
        (flag,) = flags(tmp_path)
        first = Holder.model_validate_json(flag.read_bytes())
        while Holder.model_validate_json(flag.read_bytes()).heartbeat == first.heartbeat:
            time.sleep(0.005)
        # A store that cannot be written is said, and what is made goes on.
        flag.parent.rename(tmp_path / "away")
        (tmp_path / "leases" / "slow").touch()
        while "was not renewed" not in caplog.text:
            time.sleep(0.005)
        (tmp_path / "leases" / "slow").unlink()
        (tmp_path / "away").rename(flag.parent)
    assert flags(tmp_path) == []


def test_what_fails_gives_its_lease_back(tmp_path: Path) -> None:
    store = ArtifactStore(Storage(root=str(tmp_path)))

    def fails(fingerprint: str) -> tuple[list[object], dict[str, int]]:
        raise RuntimeError("it cannot be made")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="it cannot be made"):
            store.make("slow", {"m": 1}, None, {}, fails)  # type: ignore[arg-type]
    assert flags(tmp_path) == []
