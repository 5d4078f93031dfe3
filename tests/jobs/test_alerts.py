"""What is posted to the address of alerts, seen by a server that it is posted to."""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from jobs.alert_sensors import alert_sensors
from jobs.alerts import ADDRESS, WEBSERVER, Alert, alerts_of_invocation, one_line, send
from jobs.tags import RUN
from tests.hook import PLANTED, Hook


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@dg.asset(key_prefix="tiny")
def documents() -> None:
    raise ValueError(f"https://me:{PLANTED}@host/f?X-Signature=abc is gone, {PLANTED}\nsecond line")


@dg.asset(key_prefix="tiny")
def token_shards() -> None:
    raise dg.Failure("benchmark text is in the token shards", allow_retries=False)


@dg.asset(key_prefix=["tiny", "checkpoint"])
def base() -> int:
    return 1


@dg.asset_check(asset=base, description="the loss falls")
def base_loss_falls() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=False, severity=dg.AssetCheckSeverity.WARN, description="from 4.0 to 4.1"
    )


def run(
    instance: dg.DagsterInstance, *made: Any, tags: dict[str, str] | None = None
) -> dg.DagsterRun:
    result = dg.materialize(list(made), instance=instance, raise_on_error=False, tags=tags)
    found = instance.get_run_by_id(result.run_id)
    assert found
    return found


def told(instance: dg.DagsterInstance, finished: dg.DagsterRun) -> None:
    """Evaluate the sensor that the run's end calls for."""
    failed, succeeded = alert_sensors()
    sensor = failed if finished.status is dg.DagsterRunStatus.FAILURE else succeeded
    kind = dg.DagsterEventType.RUN_FAILURE if sensor is failed else dg.DagsterEventType.RUN_SUCCESS
    (entry,) = instance.all_logs(finished.run_id, kind)
    context = dg.build_run_status_sensor_context(
        sensor_name=sensor.name,
        dagster_event=entry.dagster_event,
        dagster_instance=instance,
        dagster_run=finished,
    )
    sensor(context.for_run_failure() if sensor is failed else context)


def test_failed_asset_is_told_with_a_link_and_without_a_secret(
    instance: dg.DagsterInstance, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORE_SECRET_KEY", PLANTED)
    monkeypatch.setenv(WEBSERVER, "http://dagster.example/")
    failed = run(instance, documents)
    told(instance, failed)
    (body,) = hook.bodies
    assert body["text"].startswith("tiny: documents: run failed: ValueError: https://***host")
    assert (body["recipe"], body["asset"], body["what"]) == ("tiny", "documents", "run failed")
    assert body["run_id"] == failed.run_id
    assert body["link"] == f"http://dagster.example/runs/{failed.run_id}"
    assert PLANTED not in json.dumps(body) and "abc" not in body["error"]
    assert "second" not in body["error"]


def test_gate_and_check_are_told_as_what_they_are(instance: dg.DagsterInstance, hook: Hook) -> None:
    told(instance, run(instance, token_shards))
    told(instance, run(instance, base, base_loss_falls))
    gate, check = hook.bodies
    assert (gate["what"], gate["asset"]) == ("gate refused", "token_shards")
    assert gate["error"] == "benchmark text is in the token shards"
    assert (check["what"], check["asset"]) == ("check failed", "checkpoint/base")
    assert (check["check"], check["error"]) == ("base_loss_falls", "from 4.0 to 4.1")
    assert check["link"] is None


def test_nothing_is_told_of_what_went_well_or_is_told_by_its_invocation(
    instance: dg.DagsterInstance, hook: Hook
) -> None:
    told(instance, run(instance, base))
    failed = run(instance, documents, tags={RUN: "abc"})
    told(instance, failed)
    assert hook.bodies == []
    (alert,) = alerts_of_invocation(instance, "abc", "tiny", ValueError("the same"))
    assert (alert.asset, alert.run_id) == ("documents", failed.run_id)


def test_invocation_that_fails_outside_of_its_runs_is_told_too(
    instance: dg.DagsterInstance,
) -> None:
    (alert,) = alerts_of_invocation(instance, "abc", "tiny", OSError("no space\nleft"))
    assert alert.text == "tiny: run failed: OSError: no space"


def test_no_sensor_where_nobody_is_to_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ADDRESS, raising=False)
    assert alert_sensors() == []


@pytest.mark.parametrize("status", [500, None])
def test_address_that_refuses_or_is_not_there_costs_one_warning(
    status: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = Hook(status or 200)
    if status is None:
        hook.close()
    monkeypatch.setenv(ADDRESS, hook.address)
    warnings: list[str] = []
    alerts = [Alert(what="run failed", recipe="tiny", error="e")] * 3
    send(alerts, warnings.append)
    if status:
        hook.close()
    (line,) = warnings
    assert ADDRESS in line and PLANTED not in line
    assert ("500" in line) == bool(status)


@pytest.mark.parametrize(
    "address", ["not an address", "file:///etc/passwd", "http://[", "http://hooks..example/x"]
)
def test_address_that_is_none_costs_one_warning(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ADDRESS, address)
    warnings: list[str] = []
    send([Alert(what="run failed", recipe="tiny", error="e")], warnings.append)
    assert len(warnings) == 1


def test_proxy_that_is_none_costs_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://proxy:1")
    test_address_that_is_none_costs_one_warning("http://hooks.example/x", monkeypatch)


def test_name_that_is_no_utf_8_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = Hook(200)
    monkeypatch.setenv(ADDRESS, hook.address)
    warnings: list[str] = []
    error = one_line("caf\udce9.txt cannot be read")
    send([Alert(what="run failed", recipe="tiny", error=error)], warnings.append)
    hook.close()
    assert warnings == []
    assert error == r"caf\udce9.txt cannot be read"


def test_line_is_the_first_and_is_not_endless() -> None:
    assert one_line("\n  a\nb") == "a"
    assert one_line("") == ""
    assert (
        one_line("sources:\n\n  the field 'x' is empty\n  so is y")
        == "sources: the field 'x' is empty"
    )
    assert len(one_line("x" * 10_000)) == 501
