"""The UI as a person opens it: the real webserver, and the page in a real browser."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from websockets.sync.client import connect

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
    "--remote-allow-origins=*",
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Browser:
    """A real browser with a window of a size, driven by the Chrome DevTools Protocol."""

    def __init__(self, width: int, height: int) -> None:
        self._profile = TemporaryDirectory(ignore_cleanup_errors=True)
        port, home = free_port(), self._profile.name
        self._process = subprocess.Popen(
            [*CHROMIUM, f"--user-data-dir={home}", f"--remote-debugging-port={port}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"HOME": home},
        )
        pages = wait_for(lambda: self._pages(port))
        self._socket = connect(pages[0]["webSocketDebuggerUrl"], max_size=None)
        self._sent = 0
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", **size)

    @staticmethod
    def _pages(port: int) -> list[Any]:
        try:
            with urlopen(f"http://127.0.0.1:{port}/json") as answer:
                return [each for each in json.load(answer) if each["type"] == "page"]
        except URLError:
            return []

    def ask(self, method: str, **parameters: Any) -> Any:
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": parameters}
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == self._sent:
                return answer["result"]

    def run(self, script: str) -> Any:
        """The value of an expression on the page."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        return found["result"].get("value")

    def until(self, script: str) -> Any:
        """The value of an expression as soon as it is one."""
        return wait_for(lambda: self.run(script))

    def __enter__(self) -> "Browser":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait()
        self._profile.cleanup()


def wait_for(found: Callable[[], Any]) -> Any:
    """What a function finds, as soon as it finds something; an error after two minutes."""
    for _ in range(600):
        if value := found():
            return value
        time.sleep(0.2)
    raise AssertionError("nothing was found in two minutes")


@pytest.fixture(scope="module")
def server(whole_run: Any, tiny: Path) -> Iterator[str]:
    """The webserver on loopback, over the instance and the store of a finished run."""
    command, _ = whole_run
    port = free_port()
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

    def answers() -> bool:
        assert process.poll() is None, "the webserver ended"
        try:
            urlopen(f"{address}/server_info").close()
        except URLError:
            return False
        return True

    wait_for(answers)
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


def test_ui_has_the_runs_and_the_recipe_on_the_jobs_pages(server: str) -> None:
    """A job's page asks for its runs by the tag of the repository."""
    query = """
    { runsOrError(filter: {pipelineName: "tiny_report",
        tags: [{key: ".dagster/repository", value: "__repository__@midtrain"}]}) {
        ... on Runs { results { status tags { key value } } }
    } }"""
    (run,) = ask(server, query)["runsOrError"]["results"]
    assert run["status"] == "SUCCESS"
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    assert tags["midtrain/recipe"] == "tiny" and tags["midtrain/run"]
    query = """
    { pipelineOrError(params: {pipelineName: "tiny", repositoryName: "__repository__",
        repositoryLocationName: "midtrain"}) {
        ... on Pipeline { metadataEntries { ... on MarkdownMetadataEntry { mdStr } } }
    } }"""
    (entry,) = ask(server, query)["pipelineOrError"]["metadataEntries"]
    assert "name: tiny" in entry["mdStr"]


def test_ui_shows_every_group_of_the_lineage_in_a_browser(server: str) -> None:
    ask(server, "mutation { setNuxSeen }")
    with Browser(1600, 1000) as browser:
        browser.ask("Page.navigate", url=f"{server}/asset-groups")
        for group in ("Global asset lineage", *sorted(GROUPS)):
            browser.until(f"document.body.textContent.includes({json.dumps(group)})")


SHOW = """
(() => {
    const links = [...document.querySelectorAll("a")];
    const link = links.find((each) => each.textContent.trim() === "[Show Markdown]");
    link?.click();
    return Boolean(link);
})()"""

PICTURE = """
(() => {
    const picture = document.querySelector(".dagster-dialog img");
    if (!picture?.complete) return null;
    const box = picture.closest("div[style*=overflow]");
    return {width: picture.naturalWidth, content: box.scrollWidth, shown: box.clientWidth};
})()"""


@pytest.mark.parametrize("asset", ["held_out_losses", "checkpoint/annealed"])
def test_ui_shows_a_picture_whole(server: str, asset: str) -> None:
    """In the dialogue of a window of 1,280, where a wider one would be cut."""
    ask(server, "mutation { setNuxSeen }")
    with Browser(1280, 900) as browser:
        browser.ask("Page.navigate", url=f"{server}/assets/tiny/{asset}?view=overview")
        browser.until(SHOW)
        found = browser.until(PICTURE)
    assert found["width"] == 960
    assert found["content"] <= found["shown"]
