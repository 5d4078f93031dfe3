"""The job that makes all, as the UI launches it: in a process that loads the workspace."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from jobs.records import invocations
from midtrain_dagster.core.storage import Storage

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.slow
def test_whole_job_makes_what_is_missing_as_one_invocation(
    whole_run: Any, tiny: Path, command: Any
) -> None:
    shutil.copytree(whole_run[0].root, command.root)
    before = invocations(Storage(root=str(command.root)))
    shutil.rmtree(command.root / "manifests" / "report")
    home = command.root / ".dagster"
    known = {"DAGSTER_HOME": str(home), "MIDTRAIN_RECIPE": str(tiny)}
    script = Path(sys.executable).parent / "dagster"
    finished = subprocess.run(
        [script, "job", "execute", "-m", "definitions", "-a", "defs", "-j", "tiny"],
        cwd=REPOSITORY,
        env=command.environment | known,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    last = invocations(Storage(root=str(command.root)))[-1]
    assert last not in before
    assert {name for name, outcome in last.artifacts.items() if outcome.made} == {"report"}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        runs = instance.get_runs(dg.RunsFilter(tags={"midtrain/run": last.id}))
    assert {(run.job_name, run.status.value) for run in runs} == {
        ("tiny", "SUCCESS"),
        ("tiny_report", "SUCCESS"),
    }
