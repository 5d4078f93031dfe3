"""A run that a signal stops, in a real process and a real instance, is canceled."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import json, os, signal, sys, uuid
import dagster as dg
from jobs.stopped import canceled_when_stopped
from midtrain_dagster.core import interruption

@dg.asset
def first():
    if moment == "within":
        os.kill(os.getpid(), signal.SIGINT)
    if moment == "failing":  # as where Ray's processes get the signal first
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except BaseException:
            raise RuntimeError("the cluster is gone")

@dg.asset(deps=[first])
def second():
    pass

def told():
    with dg.DagsterInstance.local_temp() as instance:
        def between(entry):
            event = entry.dagster_event
            if event and event.event_type_value == "STEP_SUCCESS" and event.step_key == moment:
                os.kill(os.getpid(), signal.SIGINT)

        run_id, raised = str(uuid.uuid4()), False
        instance.add_event_listener(run_id, between)
        try:
            with interruption.noted(), canceled_when_stopped(instance, run_id):
                job.execute_in_process(run_id=run_id, instance=instance)
        except KeyboardInterrupt:
            raised = True
        failures = instance.all_logs(run_id, dg.DagsterEventType.RUN_FAILURE)
        status = instance.get_run_by_id(run_id).status.value
    return {"raised": raised, "status": status, "failed": bool(failures)}

job = dg.Definitions(assets=[first, second]).resolve_implicit_global_asset_job_def()
for moment in sys.argv[1:]:
    # What a signal leaves behind is its process's own.
    child = os.fork()
    if child == 0:
        print(json.dumps({moment: told()}), flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, moment
"""


MOMENTS = {
    "within": False,
    "failing": False,
    "first": False,  # when the first step was done
    "second": True,  # when all were done: Dagster has said so before anybody is asked
}
"""When a signal comes, and whether the run has an event of its failure."""


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What becomes of a run that is stopped at each moment, in a process of its own."""
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, *MOMENTS],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    lines = [json.loads(line) for line in finished.stdout.splitlines() if line.startswith("{")]
    return {moment: found for line in lines for moment, found in line.items()}


@pytest.mark.parametrize("moment", MOMENTS)
def test_run_that_is_stopped_is_canceled(told: dict[str, Any], moment: str) -> None:
    expected = {"raised": True, "status": "CANCELED", "failed": MOMENTS[moment]}
    assert told[moment] == expected
