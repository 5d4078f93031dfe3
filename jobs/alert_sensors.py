"""The sensors that tell of runs which Dagster launched; an invocation tells of its own runs."""

import os

import dagster as dg

from jobs.alerts import ADDRESS, alerts_of_run, send
from jobs.tags import RUN


def alert_sensors() -> list[dg.SensorDefinition]:
    """A sensor for runs that failed and one for those that did not, whose checks may have; none
    where nobody is to be told."""
    if not os.environ.get(ADDRESS):
        return []

    @dg.run_failure_sensor(
        name="alerts_of_failed_runs",
        description="Tells of runs that fail, and of gates that refuse.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def of_failed(context: dg.RunFailureSensorContext) -> None:
        _tell(context)

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="alerts_of_failed_checks",
        description="Tells of checks that fail in runs that succeed.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def of_finished(context: dg.RunStatusSensorContext) -> None:
        _tell(context)

    return [of_failed, of_finished]


def _tell(context: dg.RunStatusSensorContext) -> None:
    if RUN not in context.dagster_run.tags:
        send(alerts_of_run(context.instance, context.dagster_run), context.log.warning)
