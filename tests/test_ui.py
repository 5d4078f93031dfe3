"""The UI as a person opens it: the real webserver, and the page in a real browser."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

REPOSITORY = Path(__file__).parents[1]
GROUPS = {
    "collection",
    "curation",
    "decontamination",
    "evaluation",
    "mixture",
    "report",
    "synthesis_question_answer",
    "tokens",
    "training",
}
CHROMIUM = [
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1600,1000",
    "--virtual-time-budget=30000",
    "--dump-dom",
]


@pytest.fixture(scope="module")
def server(whole_run: Any, tiny: Path) -> Iterator[str]:
    """The webserver on loopback, over the instance and the store of a finished run."""
    command, _ = whole_run
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = command.environment | {
        "DAGSTER_HOME": str(command.root / ".dagster"),
        "MIDTRAIN_RECIPE": str(tiny),
    }
    script = Path(sys.executable).parent / "dagster-webserver"
    process = subprocess.Popen(
        [script, "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            urlopen(f"{address}/server_info").close()
            break
        except URLError:
            assert process.poll() is None, "the webserver ended"
            time.sleep(0.1)
    yield address
    process.terminate()
    process.wait()


def ask(server: str, query: str) -> Any:
    request = Request(
        f"{server}/graphql",
        json.dumps({"query": query}).encode(),
        {"content-type": "application/json"},
    )
    with urlopen(request) as response:
        answer = json.load(response)
    assert "errors" not in answer, answer
    return answer["data"]


def test_ui_has_every_asset_materialised_described_and_whose_it_is(server: str) -> None:
    nodes = ask(
        server,
        "{ assetNodes { assetKey { path } groupName description kinds isPartitioned"
        " tags { key value } owners { ... on TeamAssetOwner { team } }"
        " assetMaterializations(limit: 1) { metadataEntries { label } } } }",
    )["assetNodes"]
    assert {node["groupName"] for node in nodes} == GROUPS
    for node in nodes:
        name = "/".join(node["assetKey"]["path"])
        assert node["description"] and node["kinds"], name
        assert {"key": "purpose", "value": "tests"} in node["tags"], name
        assert node["owners"] == [{"team": "midtrain"}], name
        (materialization,) = node["assetMaterializations"]
        labels = {entry["label"] for entry in materialization["metadataEntries"]}
        assert {"fingerprint", "parts", "bytes"} <= labels, name


def test_ui_says_that_nothing_is_stale_after_a_run(server: str) -> None:
    query = "{ assetNodes { assetKey { path } staleStatus } }"
    nodes = ask(server, query)["assetNodes"]
    assert [node for node in nodes if node["staleStatus"] != "FRESH"] == []


def test_ui_runs_the_sensor_unless_it_is_stopped(server: str) -> None:
    query = """
    { repositoriesOrError { ... on RepositoryConnection { nodes {
        sensors { name sensorState { status } }
    } } } }"""
    (repository,) = ask(server, query)["repositoriesOrError"]["nodes"]
    states = {each["name"]: each["sensorState"]["status"] for each in repository["sensors"]}
    assert states == {"tiny_benchmarks": "RUNNING"}


def test_ui_shows_every_group_of_the_lineage_in_a_browser(server: str) -> None:
    ask(server, "mutation { setNuxSeen }")
    with TemporaryDirectory() as profile:
        page = subprocess.run(
            [*CHROMIUM, f"--user-data-dir={profile}", f"{server}/asset-groups"],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
            env=os.environ | {"HOME": profile},
        ).stdout
    assert "Global asset lineage" in page
    for group in GROUPS:
        assert f">{group}<" in page, group
