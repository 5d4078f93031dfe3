"""A refresh as a Dagster user has it: a real daemon ticks the sensor, and its run makes the new."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from midtrain_dagster.core.storage import Storage
from midtrain_dagster.refresh.record import records
from midtrain_dagster.tokens.tokenizer import train_tokenizer
from tests.jobs.test_changes import RECIPE, text, write

REPOSITORY = Path(__file__).parents[2]
SECONDS = 400


class Daemon:
    """``dagster-daemon`` on the project's workspace, with the recipe of a folder."""

    def __init__(self, folder: Path, command: Any) -> None:
        home = folder / "home"
        home.mkdir()
        (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        with dg.DagsterInstance.from_config(str(home)) as instance:
            instance.get_runs_count()  # its tables are made before two processes ask for them
        self.environment = command.environment | {
            "DAGSTER_HOME": str(home),
            "MIDTRAIN_RECIPE": str(folder / "fresh.yaml"),
        }
        self.home, self.log = home, folder / "daemon.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [Path(sys.executable).parent / "dagster-daemon", "run", "-w", "workspace.yaml"],
                cwd=REPOSITORY,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def refreshed(self, runs: int) -> list[dg.DagsterRun]:
        """The runs of the refresh job, when so many have ended; the earliest first."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            with dg.DagsterInstance.from_config(str(self.home)) as instance:
                found = instance.get_runs(dg.RunsFilter(job_name="fresh_refresh"))
            if len(found) >= runs and all(run.is_finished for run in found):
                return list(reversed(found))
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(2)
        raise TimeoutError(self.log.read_text())

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(60)


@pytest.mark.slow
def test_daemon_refreshes_when_a_source_changes(tmp_path: Path, command: Any) -> None:
    write(tmp_path / "notes" / "0.jsonl", *range(10))
    write(tmp_path / "pages" / "0.jsonl", *range(100, 110))
    (tmp_path / "tokenizer").mkdir()
    files = train_tokenizer([text(n) for n in range(50)], vocabulary=400)
    for name, data in files.items():
        (tmp_path / "tokenizer" / name).write_bytes(data)
    running = RECIPE.replace(
        'refresh: {cron: "0 3 * * *"}', 'refresh: {cron: "0 3 * * *", running: true}'
    )
    (tmp_path / "fresh.yaml").write_text(running)
    daemon = Daemon(tmp_path, command)
    try:
        (first,) = daemon.refreshed(1)
        assert first.status is dg.DagsterRunStatus.SUCCESS
        assert first.tags["midtrain/news"] == "notes: 1 files; pages: 1 files"
        write(tmp_path / "notes" / "1.jsonl", 20, 21, 22)
        _, second = daemon.refreshed(2)
    finally:
        daemon.stop()
    assert second.status is dg.DagsterRunStatus.SUCCESS
    assert second.tags["midtrain/news"] == "notes: 1 new"
    storage = Storage(root=str(command.root))
    made, refreshed = records(storage, "fresh")
    assert (made.first, made.came) == (True, 20)
    assert (refreshed.came, refreshed.went) == (3, 0)
    assert refreshed.sources["notes"].kept.documents == 10
    with dg.DagsterInstance.from_config(str(daemon.home)) as instance:
        events = instance.all_logs(second.run_id, dg.DagsterEventType.STEP_OUTPUT)
        shown = events[-1].dagster_event.step_output_data.metadata
    assert "| notes | 3 | 0 | 10 |" in shown["changes"].value
    assert "| signals |" in shown["seconds"].value
