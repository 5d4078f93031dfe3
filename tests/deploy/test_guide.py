"""docs/deployment.md, read by a machine: its blocks of ``bash`` run, its services start."""

import json
import os
import re
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from configparser import RawConfigParser
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import click
import psutil
import pytest
from ray.scripts.scripts import start as ray_start

REPOSITORY = Path(__file__).parents[2]
GUIDE = (REPOSITORY / "docs" / "deployment.md").read_text()
BLOCKS = re.findall(r"^```bash\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
ELSEWHERE = re.findall(r"^```console\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
RECIPE = REPOSITORY / "tests" / "recipes" / "minimal.yaml"


def unit(name: str) -> list[str]:
    """The command of a service."""
    parser = RawConfigParser()
    parser.read(REPOSITORY / "deploy" / "systemd" / f"{name}.service")
    return shlex.split(parser["Service"]["ExecStart"])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_files_that_the_guide_names_are_there() -> None:
    named = set(re.findall(r"\b(?:deploy|recipes|tests)/[\w./-]+\w", GUIDE))
    assert len(named) > 5
    assert [each for each in sorted(named) if not (REPOSITORY / each).exists()] == []


def test_commands_of_a_ray_cluster_parse() -> None:
    lines = [line for block in ELSEWHERE for line in block.splitlines() if " start " in line]
    found = [line.partition("ray start ")[2].split() for line in lines if "/ray start " in line]
    assert len(found) == 2
    for arguments in found:
        ray_start.make_context("start", list(arguments))
        with pytest.raises(click.UsageError):
            ray_start.make_context("start", [*arguments, "--dashbord-host=::"])


@pytest.fixture(scope="module")
def team(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a team's machine: that of ``deploy/systemd``, with places of its own."""
    folder = tmp_path_factory.mktemp("team")
    lines = (REPOSITORY / "deploy" / "systemd" / "environment").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    superuser = {"PGUSER": "postgres", "PGPASSWORD": postgres.password, "PGDATABASE": "postgres"}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER", "MIDTRAIN"))}
    return {
        **kept,
        **settings,
        **superuser,
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgres.port),
        "DAGSTER_POSTGRES_PORT": str(postgres.port),
        "DAGSTER_HOME": str(folder / "dagster"),
        "MIDTRAIN_ROOT": str(folder / "store"),
        "MIDTRAIN_RECIPE": str(RECIPE),
        "HOME": str(folder),
    }


@pytest.mark.slow
def test_blocks_of_the_guide_run_one_after_the_other(team: dict[str, str]) -> None:
    assert len(BLOCKS) == 5
    for block in BLOCKS:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=REPOSITORY,
            env=team,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (block, done.stdout, done.stderr)
    assert "DagsterPostgresStorage" in done.stdout or Path(team["DAGSTER_HOME"]).is_dir()
    token = Path(team["HOME"], ".ray", "auth_token")
    assert token.stat().st_mode & 0o777 == 0o600 and len(token.read_text().strip()) == 64


@contextmanager
def service(name: str, ports: dict[str, str], environment: dict[str, str]) -> Iterator[int]:
    """A service as its unit starts it, on other ports; its process."""
    program, *arguments = (part.replace("/opt/midtrain", str(REPOSITORY)) for part in unit(name))
    process = subprocess.Popen(
        [program, *(ports.get(each, each) for each in arguments)],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def listening(pid: int) -> set[str]:
    """The addresses on which a process and its children listen, but for sockets of the machine."""
    process = psutil.Process(pid)
    return {
        connection.laddr.ip
        for each in (process, *process.children(recursive=True))
        for connection in each.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


def ask(address: str, query: str) -> Any:
    """The answer of the webserver, as soon as it has one."""
    body = json.dumps({"query": query}).encode()
    for _ in range(600):
        try:
            request = Request(f"{address}/graphql", body, {"content-type": "application/json"})
            with urlopen(request) as response:
                return json.load(response)["data"]
        except URLError:
            time.sleep(0.2)
    raise AssertionError("the webserver did not answer in two minutes")


@pytest.mark.slow
def test_services_of_one_machine_work_together_and_listen_on_loopback(
    team: dict[str, str], tmp_path: Path
) -> None:
    """After the blocks of the guide, which have made the database and the instance."""
    ports = {"4000": str(free_port()), "3000": str(free_port())}
    workspace = (REPOSITORY / "deploy" / "workspace.yaml").read_text()
    (tmp_path / "workspace.yaml").write_text(workspace.replace("4000", ports["4000"]))
    ports["deploy/workspace.yaml"] = str(tmp_path / "workspace.yaml")
    with (
        service("midtrain-code", ports, team) as code,
        service("midtrain-webserver", ports, team) as webserver,
    ):
        address = f"http://127.0.0.1:{ports['3000']}"
        query = "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus"
        query += " locationOrLoadError { __typename ... on PythonError { message } } } } } }"
        for _ in range(300):
            entries = ask(address, query)["workspaceOrError"]["locationEntries"]
            if entries[0]["locationOrLoadError"]["__typename"] == "RepositoryLocation":
                break
            time.sleep(0.2)
        assert entries == [
            {
                "name": "midtrain",
                "loadStatus": "LOADED",
                "locationOrLoadError": {"__typename": "RepositoryLocation"},
            }
        ]
        found = {ip.removeprefix("::ffff:") for ip in listening(code) | listening(webserver)}
        assert found == {"127.0.0.1"}
