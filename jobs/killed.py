"""What a killed invocation has left: a record that says it runs, and Dagster runs that do, too.

Nobody was there to write how they ended, and no daemon watches runs that are executed in the
command's own process. So the next invocation on the store does.
"""

import logging

import dagster as dg
from dagster import DagsterRunStatus

from jobs.alerts import Alert, send
from jobs.records import Invocation, invocations, read_record, write_record
from jobs.tags import RUN
from midtrain_dagster.core.lease import clear
from midtrain_dagster.core.storage import Storage
from resources.artifacts import ArtifactStoreResource

UNFINISHED = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def mark_killed(storage: Storage, instance: dg.DagsterInstance) -> None:
    """Write down how killed invocations on this store ended, and fail the runs that the instance
    still takes to be running, of them and of those that ended while it was away.

    What still lives, here or on another machine, is left alone, and so are runs of another store.
    """
    over = {each.id: each for each in invocations(storage) if each.status != "running"}
    for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
        if (invocation := over.get(run.tags.get(RUN, ""))) is not None:
            instance.report_run_failed(run, _reason(invocation))
    for each in over.values():
        if each.status == "killed" and read_record(storage, each.id).status == "running":
            write_record(storage, each)
            alert = Alert(what="run failed", recipe=each.recipe, error=_reason(each))
            send([alert], logging.getLogger(__name__).warning)
            clear(storage, each.lease)


def killed_runs_sensor() -> dg.SensorDefinition:
    """The same without a next invocation, since what is taken to be training keeps others waiting.
    It runs unless a person stops it."""

    @dg.sensor(
        name="killed_runs",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Marks runs as failed whose process was killed.",
    )
    def killed_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        mark_killed(ArtifactStoreResource().storage(), context.instance)
        return dg.SkipReason("killed runs are marked, if there are any")

    return killed_runs


def _reason(invocation: Invocation) -> str:
    if invocation.status != "killed":
        # The instance's database was away, so nobody could tell it.
        return f"the invocation {invocation.id} is {invocation.status}. What it finished is kept"
    seen = f"; it was seen last at {invocation.ended}" if invocation.ended else ""
    return (
        f"the process of the invocation {invocation.id} was killed{seen}. What it finished is kept"
    )
