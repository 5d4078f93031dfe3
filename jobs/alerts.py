"""What is told to somebody who does not watch: a JSON body, posted to one address.

The address is a secret of its own kind (whoever has it can post), so it comes from the environment
and is never written anywhere; neither is what else the environment calls a secret. One that does
not answer costs a line in the log, and no run.
"""

import os
import re
from collections.abc import Callable, Iterable
from typing import Literal

import dagster as dg
from dagster._utils.error import SerializableErrorInfo

from jobs.tags import RECIPE, RUN
from midtrain_dagster.core.frozen_model import FrozenModel
from resources.artifacts import asset_name

ADDRESS = "MIDTRAIN_ALERT_URL"
WEBSERVER = "MIDTRAIN_WEBSERVER_URL"
"""Where the webserver is seen by who reads an alert; a link needs it."""

TIMEOUT_SECONDS = 10
MAX_CHARACTERS = 500

What = Literal["run failed", "gate refused", "check failed", "nothing new"]

EVENTS = {
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
}

SECRET_NAME = re.compile(r"KEY|SECRET|TOKEN|PASSW|CREDENTIAL|SIGNATURE|_PAT$", re.IGNORECASE)
SECRET_LENGTH = 8
"""A shorter value would be struck out of words."""

HOST = re.compile(r"https?://(?:[^/?#]*@)?([^/?#:]+)")

IN_ADDRESSES = re.compile(r"(?<=://)[^\s/@]+@|(?<=\S)\?\S*=\S*")
"""User and password of an address, and its query, where signatures stand."""


class Alert(FrozenModel):
    """The body. ``text`` says all of it in a line, which is what chat services show."""

    what: What
    recipe: str
    run_id: str | None = None
    asset: str | None = None
    partition: str | None = None
    check: str | None = None
    error: str
    link: str | None = None

    @property
    def text(self) -> str:
        """One line for a person."""
        asset = f"{self.asset} [{self.partition}]" if self.partition else self.asset
        where = ": ".join(filter(None, (self.recipe, asset, self.check)))
        return " ".join(filter(None, (f"{where}: {self.what}: {self.error}", self.link)))


def alerts_of_run(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[Alert]:
    """What there is to tell of a run that has ended: failed assets, failed checks, or that it
    failed without any."""
    entries = [
        entry.dagster_event
        for entry in instance.all_logs(run.run_id, of_type=EVENTS)
        if entry.dagster_event
    ]
    assets = {
        event.step_key: event.asset_key
        for event in entries
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    }
    found = [
        _of_step(run, event, assets.get(event.step_key))
        for event in entries
        if event.event_type is dg.DagsterEventType.STEP_FAILURE
    ]
    for event in entries:
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluated = event.asset_check_evaluation_data
            if not evaluated.passed:
                error = evaluated.description or evaluated.check_name
                key, name = evaluated.asset_key, evaluated.check_name
                found.append(_alert(run, "check failed", error, key, check=name))
    ended = [each for each in entries if each.event_type is dg.DagsterEventType.RUN_FAILURE]
    if ended and not any(each.what != "check failed" for each in found):
        found.append(_alert(run, "run failed", ended[-1].message or "it ended without a word"))
    return found


def alerts_of_invocation(
    instance: dg.DagsterInstance, invocation: str, recipe: str, error: BaseException | None
) -> list[Alert]:
    """What there is to tell of the runs that an invocation started, and where none of them failed,
    of the error that it ended with."""
    runs = instance.get_runs(dg.RunsFilter(tags={RUN: invocation}))
    ended = [run for run in reversed(runs) if run.is_finished]
    found = [alert for run in ended for alert in alerts_of_run(instance, run)]
    if error is not None and not any(each.what != "check failed" for each in found):
        told = f"{type(error).__name__}: {error}"
        found.append(Alert(what="run failed", recipe=recipe, error=one_line(told)))
    return found


def send(alerts: Iterable[Alert], warn: Callable[[str], None]) -> None:
    """Post each alert, if the environment names an address; what goes wrong is one warning."""
    address = os.environ.get(ADDRESS)
    if not address:
        return
    import httpx

    for alert in alerts:
        body = {**alert.model_dump(), "text": alert.text}
        try:
            httpx.post(address, json=body, timeout=TIMEOUT_SECONDS).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            # ValueError: a host that is no name, or a proxy's address that is none. A message may
            # hold the address.
            reason = type(error).__name__
            if isinstance(error, httpx.HTTPStatusError):
                reason = f"status {error.response.status_code}"
            host = HOST.match(address)
            where = host[1] if host else "no address of the web"
            warn(f"an alert was not sent: {ADDRESS} ({where}) gave {reason}")
            return


def one_line(text: str) -> str:
    """The first line of a message, with what it announces, without secrets and not too long."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    announced = next((n for n, line in enumerate(lines) if not line.endswith(":")), len(lines))
    first = " ".join(lines[: announced + 1])
    for name, value in os.environ.items():
        if SECRET_NAME.search(name) and len(value) >= SECRET_LENGTH:
            first = first.replace(value, "***")
    first = IN_ADDRESSES.sub("***", first)
    # A file's name that is no UTF-8 has half characters, which no body can hold.
    first = first.encode(errors="backslashreplace").decode()
    return first if len(first) <= MAX_CHARACTERS else f"{first[:MAX_CHARACTERS]}…"


def _of_step(run: dg.DagsterRun, event: dg.DagsterEvent, asset: dg.AssetKey | None) -> Alert:
    failure = event.step_failure_data
    said = failure.user_failure_data
    if said is not None:
        return _alert(run, "gate refused", said.description or said.label, asset)
    return _alert(run, "run failed", _cause(failure.error), asset)


def _cause(error: SerializableErrorInfo | None) -> str:
    """The error that a person can act on, without Dagster's layers around it."""
    while error and error.cause and (error.cls_name or "").startswith("Dagster"):
        error = error.cause
    return error.message if error else "it ended without a word"


def _alert(
    run: dg.DagsterRun,
    what: What,
    error: str,
    asset: dg.AssetKey | None = None,
    check: str | None = None,
) -> Alert:
    base = os.environ.get(WEBSERVER, "").rstrip("/")
    of_asset = asset.path[0] if asset else run.job_name
    return Alert(
        what=what,
        recipe=run.tags.get(RECIPE, of_asset),
        run_id=run.run_id,
        asset=asset_name(asset) if asset else None,
        partition=run.tags.get("dagster/partition"),
        check=check,
        error=one_line(error),
        link=f"{base}/runs/{run.run_id}" if base else None,
    )
