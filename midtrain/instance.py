"""The Dagster instance as the command opens it, and what is said when its database does not answer.

An instance may be a team's, on a server that goes away and comes back. Dagster tries each statement
six times in some twelve seconds; what outlasts that ends the run, and nothing that was made is
lost, since artifacts are the store's.
"""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    import dagster as dg

RETRYING = "Retrying failed database connection"
"""What dagster-postgres logs before it tries again, followed by the driver's many lines."""

TOLD_EVERY = 60.0
"""Seconds between two lines that say that the database is away."""


class InstanceError(RuntimeError):
    """The instance cannot be opened; the message says why, in one line."""


@contextmanager
def opened(console: Console) -> Iterator["dg.DagsterInstance"]:
    """The instance of ``DAGSTER_HOME``; only that what is printed while an asset is made stays in
    this terminal. Dagster would catch it with two processes a stream, and at Ctrl-C each of them
    dies in its own words.

    Raises :class:`InstanceError` where its ``dagster.yaml`` or its database is of no use.
    """
    import dagster as dg
    from dagster._core.instance.ref import InstanceRef
    from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager

    none = {"module": NoOpComputeLogManager.__module__, "class": NoOpComputeLogManager.__name__}
    home = os.environ["DAGSTER_HOME"]
    with _retries_in_one_line(console):
        try:
            found = InstanceRef.from_dir(home, overrides={"compute_logs": none})
            instance = dg.DagsterInstance.from_ref(found)
        except dg.DagsterInvalidConfigError as error:
            told = "; ".join(each.message.splitlines()[0] for each in error.errors)
            raise InstanceError(f"{home}/dagster.yaml: {told}") from error
        except Exception as error:  # of whichever storage it names; all others go on as they are
            problem = database_problem(error)
            if problem is None:
                raise
            raise InstanceError(problem) from error
        with instance:
            yield instance


def database_problem(error: BaseException | None) -> str | None:
    """One line about the instance's database, if that is what an error comes from."""
    from sqlalchemy.exc import InterfaceError, OperationalError

    seen: set[int] = set()  # one that Dagster raises anew has itself among its contexts
    while error is not None and id(error) not in seen:
        if isinstance(error, OperationalError | InterfaceError):
            return f"the Dagster instance's database: {str(error.orig).splitlines()[0]}"
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


@contextmanager
def _retries_in_one_line(console: Console) -> Iterator[None]:
    """Say once a minute that the database is away, in place of five lines for each attempt."""
    last = -TOLD_EVERY

    def told(record: logging.LogRecord) -> bool:
        nonlocal last
        message = record.getMessage()
        if not message.startswith(RETRYING):
            return True
        if time.monotonic() - last >= TOLD_EVERY:
            last = time.monotonic()
            why = message.partition(") ")[2].splitlines()[0]
            line = f"the Dagster instance's database does not answer, trying again: {why}"
            console.print(line, style="yellow", markup=False)
        return False

    root = logging.getLogger()
    root.addFilter(told)
    try:
        yield
    finally:
        root.removeFilter(told)
