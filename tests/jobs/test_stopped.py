"""A run that a signal stops, in a real process and a real instance, is canceled."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, os, signal, sys, uuid, warnings
import dagster as dg
from jobs.stopped import canceled_when_stopped
from midtrain_dagster.core import interruption

moment = sys.argv[1]

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

job = dg.Definitions(assets=[first, second]).resolve_implicit_global_asset_job_def()
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
    told = {"raised": raised, "status": instance.get_run_by_id(run_id).status.value}
    print(json.dumps(told | {"failed": bool(failures)}))
"""


@pytest.mark.parametrize(
    ("moment", "failed"),
    [
        ("within", False),
        ("failing", False),
        ("first", False),  # when the first step was done
        ("second", True),  # when all were done: Dagster has said so before anybody is asked
    ],
)
def test_run_that_is_stopped_is_canceled(moment: str, failed: bool) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, moment],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    told = json.loads(finished.stdout.splitlines()[-1])
    assert told == {"raised": True, "status": "CANCELED", "failed": failed}
