"""An invocation that is killed, in a real process, is told and marked; one that lives is not."""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from rich.console import Console

from assets.plan import Planner
from jobs.invocation import invocation
from jobs.killed import mark_killed
from jobs.news import News
from jobs.records import Invocation, invocations, write_record
from jobs.tags import RUN
from midtrain import listing
from midtrain_dagster.core import lease as leases
from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.lease import Holder
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.recipe_file import load_recipe
from tests.hook import Hook

REPOSITORY = Path(__file__).parents[2]

PROGRAM = """
import sys, time
from pathlib import Path
import dagster as dg
from assets.plan import Planner
from jobs.invocation import invocation
from jobs.news import News
from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.recipe_file import load_recipe

root, home, recipe = sys.argv[1:]

@dg.asset
def slow():
    print("making", flush=True)
    time.sleep(600)

store = ArtifactStore(Storage(root=root))
job = dg.Definitions(assets=[slow]).resolve_implicit_global_asset_job_def()
with dg.DagsterInstance.from_config(home) as instance:
    news = News(Planner(store, []), instance)
    with invocation(load_recipe(Path(recipe)), store.storage, news) as it:
        job.execute_in_process(instance=instance, tags=it.tags)
"""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}")
    with dg.DagsterInstance.from_config(str(home)) as opened:
        yield opened


def statuses(instance: dg.DagsterInstance) -> list[str]:
    return [run.status.value for run in instance.get_runs()]


def test_killed_invocation_is_told_and_marked_and_a_live_one_is_left_alone(
    instance: dg.DagsterInstance,
    store: ArtifactStore,
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    hook: Hook,
) -> None:
    started = [sys.executable, "-c", PROGRAM, store.storage.root, str(tmp_path / "home"), str(tiny)]
    process = subprocess.Popen(started, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "making\n"
    mark_killed(store.storage, instance)
    (running,) = invocations(store.storage)
    assert (running.status, statuses(instance)) == ("running", ["STARTED"])

    process.kill()
    process.wait()
    (killed,) = invocations(store.storage)
    assert killed.status == "killed"
    assert killed.ended is not None and killed.started <= killed.ended
    monkeypatch.setenv("MIDTRAIN_ROOT", store.storage.root)
    listing.run(argparse.Namespace(failed=False), Console(soft_wrap=True))
    assert "killed" in capsys.readouterr().out

    with invocation(load_recipe(tiny), store.storage, News(Planner(store, []), instance)):
        assert {each.status for each in invocations(store.storage)} == {"killed", "running"}
        (run,) = instance.get_runs(dg.RunsFilter(tags={RUN: killed.id}))
        assert run.status is dg.DagsterRunStatus.FAILURE
        (event,) = instance.all_logs(run.run_id, dg.DagsterEventType.RUN_FAILURE)
        told = event.dagster_event.message if event.dagster_event else None
        assert told and f"{killed.id} was killed; it was seen last at 20" in told
    written = Invocation.model_validate_json(store.storage.read(f"invocations/{killed.id}.json"))
    assert written == killed
    mark_killed(store.storage, instance)
    (body,) = hook.bodies  # it is told once
    assert (body["what"], body["recipe"]) == ("run failed", "tiny")
    assert f"{killed.id} was killed; it was seen last at 20" in body["text"]
    assert store.storage.list("leases") == []


def record_of(storage: Storage, id_: str, machine: str, seconds_ago: float) -> None:
    """A record of an invocation on some machine, and its flag of so many seconds ago."""
    then = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    begun = then.isoformat(timespec="seconds")
    record = Invocation(id=id_, recipe="r", file="f", text="t", started=begun, machine="m")
    write_record(storage, record)
    # Process 1 runs everywhere; it began with the machine.
    began = leases._started(1)
    holder = Holder(
        host="h", pid=1, machine=machine, process_started=began, started=then, heartbeat=then
    )
    storage.write(f"leases/{record.lease}.0.json", holder.model_dump_json().encode())


def test_what_may_live_is_not_called_killed(store: ArtifactStore) -> None:
    storage, late = store.storage, 2 * leases.STALE_SECONDS
    record_of(storage, "asleep", leases._machine(), late)  # stopped, and its process is there
    record_of(storage, "elsewhere", "another machine", 1)
    record_of(storage, "silent", "another machine", late)
    found = {each.id: each.status for each in invocations(storage)}
    assert found == {"asleep": "running", "elsewhere": "running", "silent": "killed"}


def test_runs_of_another_store_are_left_alone(
    instance: dg.DagsterInstance, store: ArtifactStore
) -> None:
    record_of(store.storage, "silent", "another machine", 2 * leases.STALE_SECONDS)
    for number, tags in enumerate(({RUN: "silent"}, {RUN: "of another store"}, {})):
        run = dg.DagsterRun(job_name=f"j{number}", tags=tags, status=dg.DagsterRunStatus.STARTED)
        instance.add_run(run)
    mark_killed(store.storage, instance)
    found = {run.job_name: run.status.value for run in instance.get_runs()}
    assert found == {"j0": "FAILURE", "j1": "STARTED", "j2": "STARTED"}
