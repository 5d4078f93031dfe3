"""`midtrain run --submit`, a real cluster with a token, and clients that are killed and stopped."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from benchmarks.job_server import RayHead
from jobs.submitted import JOB
from midtrain_dagster.submission.server import JobServer

pytestmark = pytest.mark.slow

SECRET = "p1anted-5ecret-of-the-client"


@pytest.fixture
def submitting(command: Any, ray_head: RayHead) -> Any:
    """``midtrain`` with an empty store, and what a client of the cluster has in its environment."""
    command.beside = {**ray_head.client, "AWS_SECRET_ACCESS_KEY": SECRET}
    return command


@pytest.fixture
def recipe(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The least recipe, of its own name."""
    text = (Path(__file__).parents[1] / "recipes" / "minimal.yaml").read_text()
    path = tmp_path / f"{request.node.name.split('_')[1]}.yaml"
    path.write_text(text)
    return path


def until(process: "subprocess.Popen[str]", words: str) -> list[str]:
    """The lines that a command prints, to the one that holds some words."""
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if words in line:
            return lines
    raise AssertionError("\n".join(lines))


def test_client_that_is_killed_finds_its_job_and_tells_its_instance(
    submitting: Any, recipe: Path, ray_head: RayHead
) -> None:
    run = ("run", str(recipe), "--submit", ray_head.address, "--until", "documents")
    client = submitting.start(*run)
    begun = until(client, "submitted as the Ray job")[-1]
    id_ = begun.split("Ray job ")[1].split()[0]
    os.killpg(client.pid, signal.SIGKILL)
    client.wait()
    client.stdout.close()

    finished = submitting(*run)
    assert finished.code == 0, finished.output
    jobs = JobServer(ray_head.address).jobs("midtrain-client-")
    assert list(jobs) == [id_]
    assert "submitted as" not in finished.output
    if f"attached to the Ray job {id_}" in finished.output:  # else it was done by then
        assert "Running entrypoint" in finished.output
    with dg.DagsterInstance.from_config(str(submitting.root / ".dagster")) as instance:
        told = instance.get_latest_materialization_event(dg.AssetKey(["client", "documents"]))
        assert told is not None
        runs = instance.get_runs()
        submissions = [run for run in runs if run.job_name == "client_submitted"]
        assert submissions[-1].tags[JOB] == id_
        assert submissions[0].status.value == "SUCCESS"
        (log,) = instance.get_records_for_run(submissions[-1].run_id).records[-1:]
        assert log is not None

    assert SECRET not in jobs[id_].json()
    assert jobs[id_].metadata["midtrain/recipe"] == "client"
    for folder in (submitting.root, ray_head.session.resolve()):
        for file in folder.rglob("*"):
            if file.is_file() and not file.is_symlink():
                assert SECRET.encode() not in file.read_bytes(), file

    again = submitting(*run)
    assert again.code == 0
    assert "1 reuse" in again.output
    assert list(JobServer(ray_head.address).jobs("midtrain-client-")) == [id_]


def test_interruption_of_the_client_ends_the_job(
    submitting: Any, recipe: Path, ray_head: RayHead
) -> None:
    client = submitting.start("run", str(recipe), "--submit", ray_head.address)
    until(client, "Running entrypoint")
    client.send_signal(signal.SIGINT)
    output, _ = client.communicate(timeout=120)
    assert client.returncode == 130, output
    (job,) = JobServer(ray_head.address).jobs("midtrain-interruption-").values()
    assert job.status.value == "STOPPED"
    assert f"the Ray job {job.submission_id} is stopped" in output
    assert submitting.run_statuses() == ["CANCELED"]


def test_success_without_a_manifest_is_a_failure(
    submitting: Any, recipe: Path, ray_head: RayHead, tmp_path: Path
) -> None:
    """The job writes to another store than it is asked to."""
    other = {"MIDTRAIN_ROOT": str(tmp_path / "other")}
    cluster = {"address": ray_head.address, "runtime_env": {"env_vars": other}}
    recipe.write_text(recipe.read_text() + f"cluster: {json.dumps(cluster)}\n")
    (tmp_path / "other").mkdir()
    finished = submitting("run", str(recipe), "--until", "documents")
    assert finished.code == 1
    assert "succeeded, as Ray says, but the store" in finished.output
    assert "lacks documents: does the job write to another store" in finished.output
    assert submitting.run_statuses() == ["FAILURE"]
