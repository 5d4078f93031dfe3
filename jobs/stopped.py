"""A run that a person stops is canceled, as if they had said so in the UI, and has not failed."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from dagster import DagsterRunStatus

from midtrain_dagster.core import interruption

INTERRUPTIONS = (KeyboardInterrupt, dg.DagsterExecutionInterruptedError)


@contextmanager
def canceled_when_stopped(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Around the execution of a run in this process. Raises ``KeyboardInterrupt`` at the end, also
    where Dagster has let a signal pass that came between two steps.

    Dagster takes an interrupted run for a failed one, unless it is already being canceled when the
    step that was interrupted ends.
    """

    def cancel(entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event and event.is_step_failure and interruption.came():
            run = instance.get_run_by_id(run_id)
            if run and run.status is DagsterRunStatus.STARTED:
                instance.report_run_canceling(run)

    instance.add_event_listener(run_id, cancel)
    try:
        yield
    except BaseException as error:
        # Whatever it is: Ray's processes may have got the signal first, and failed of it.
        if not interruption.came() and not isinstance(error, INTERRUPTIONS):
            raise
        run = instance.get_run_by_id(run_id)
        if run and run.status is not DagsterRunStatus.CANCELED:
            instance.report_run_canceled(run)
        raise KeyboardInterrupt from error
    if interruption.came():
        raise KeyboardInterrupt
