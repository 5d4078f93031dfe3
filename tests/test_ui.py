"""The UI as a person opens it: the real webserver, and the page in a real browser."""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, sync_playwright

REPOSITORY = Path(__file__).parents[1]
PATIENCE_SECONDS = 120.0
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def browsing(width: int, height: int) -> Iterator[Page]:
    """A page of a real browser, whose window has a size."""
    with sync_playwright() as started:
        chromium = started.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        yield page
        chromium.close()


def wait_for(found: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """What a function finds, as soon as it finds something; an error when patience ends."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.2)
    raise AssertionError(f"nothing was found in {seconds} s")


def environment_of(command: Any, recipe: Path) -> dict[str, str]:
    return command.environment | {
        "DAGSTER_HOME": str(command.root / ".dagster"),
        "MIDTRAIN_RECIPE": str(recipe),
        # On a machine that has much to do, a process for a run takes longer than Dagster's minute.
        "DAGSTER_GRPC_TIMEOUT_SECONDS": "600",
    }


@contextmanager
def running(*command: Any, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A server of Dagster's, with what it starts itself."""
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def webserver(environment: dict[str, str]) -> Iterator[str]:
    """The webserver on loopback; yields its address."""
    port = free_port()
    script = Path(sys.executable).parent / "dagster-webserver"
    options = ("-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port))
    address = f"http://127.0.0.1:{port}"
    with running(script, *options, environment=environment) as process:

        def answers() -> bool:
            assert process.poll() is None, "the webserver ended"
            try:
                urlopen(f"{address}/server_info").close()
            except URLError:
                return False
            return True

        wait_for(answers)
        ask(address, "mutation { setNuxSeen }")
        yield address


@pytest.fixture(scope="module")
def server(whole_run: tuple[Any, str], tiny: Path) -> Iterator[str]:
    """The webserver over the instance and the store of a finished run."""
    with webserver(environment_of(whole_run[0], tiny)) as address:
        yield address


def ask(server: str, query: str, **variables: Any) -> Any:
    request = Request(
        f"{server}/graphql",
        json.dumps({"query": query, "variables": variables}).encode(),
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


def test_ui_runs_the_sensors_unless_they_are_stopped(server: str) -> None:
    query = """
    { repositoriesOrError { ... on RepositoryConnection { nodes {
        sensors { name sensorState { status } }
    } } } }"""
    (repository,) = ask(server, query)["repositoriesOrError"]["nodes"]
    states = {each["name"]: each["sensorState"]["status"] for each in repository["sensors"]}
    assert states == {
        "tiny_benchmarks": "RUNNING",
        "tiny_automation": "RUNNING",
        "killed_runs": "RUNNING",
    }


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
    with browsing(1600, 1000) as page:
        page.goto(f"{server}/asset-groups")
        for group in ("Global asset lineage", *sorted(GROUPS)):
            page.get_by_text(group).first.wait_for(state="attached")


@pytest.mark.parametrize("asset", ["held_out_losses", "checkpoint/annealed"])
def test_ui_shows_a_picture_whole(server: str, asset: str) -> None:
    """In the dialogue of a window of 1,280, where a wider one would be cut."""
    with browsing(1280, 900) as page:
        page.goto(f"{server}/assets/tiny/{asset}?view=overview")
        assert_picture_is_whole(page)


def assert_picture_is_whole(page: Page) -> None:
    page.get_by_text("[Show Markdown]").first.click()
    page.locator(".dagster-dialog img").first.wait_for()
    found = page.wait_for_function(PICTURE).json_value()
    assert found["width"] == 960
    assert found["content"] <= found["shown"]


PICTURE = """() => {
    const picture = document.querySelector(".dagster-dialog img");
    if (!picture?.complete) return null;
    const box = picture.closest("div[style*=overflow]");
    return {width: picture.naturalWidth, content: box.scrollWidth, shown: box.clientWidth};
}"""


DAEMON = """
import sys
from dagster._daemon import cli, controller
controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 2  # between two looks at a backfill
sys.argv = ["dagster-daemon", "run", "-w", "workspace.yaml"]
cli.main()
"""

ARITHMETIC = [{"q": f"{n} plus {n} is", "a": str(2 * n)} for n in range(3)]

FILLED_IN = {
    "benchmark_items",
    "contamination",
    "evaluation",
    "synthesis/question_answer/contamination",
}
DECIDED = {
    f"{group}{name}"
    for group in ("", "synthesis/question_answer/")
    for name in (
        *("eligibility", "duplicate_clusters", "repeated_text", "sample", "curated_documents"),
    )
}


@dataclass(frozen=True)
class Live:
    """Webserver and daemon over an instance that was new, and the recipe that they show."""

    command: Any
    recipe: Path
    address: str

    def runs(self) -> list[Any]:
        query = """
        { runsOrError { ... on Runs { results {
            runId status startTime endTime creationTime tags { key value }
            assets { key { path } }
        } } } }"""
        runs: list[Any] = ask(self.address, query)["runsOrError"]["results"]
        return [
            run | {"tags": {each["key"]: each["value"] for each in run["tags"]}} for run in runs
        ]

    def made_by(self, runs: list[Any]) -> set[str]:
        return {"/".join(each["key"]["path"][1:]) for run in runs for each in run["assets"]}

    def keys(self) -> list[str]:
        query = """{ assetNodeOrError(assetKey: {path: ["tiny", "benchmark_items"]}) {
            ... on AssetNode { partitionKeys } } }"""
        keys: list[str] = ask(self.address, query)["assetNodeOrError"]["partitionKeys"]
        return keys


DEAR = ("synthetic_documents", "contamination", "evaluation")
"""Of these assets the parts are brought from the finished run, and found: what takes longest to
make, by the same functions whoever starts them."""


@pytest.fixture(scope="module")
def live(
    new_command: Callable[[str], Any],
    whole_run: tuple[Any, str],
    tiny: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Live]:
    command, recipe = new_command("live"), tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    recipe.write_text(tiny.read_text().replace("../../data", str(REPOSITORY / "data")))
    for part in whole_run[0].parts_of(*DEAR):
        (command.root / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(whole_run[0].root / part, command.root / part)
    environment = environment_of(command, recipe)
    settle = "from midtrain.places import settle; settle()"
    subprocess.run([sys.executable, "-c", settle], cwd=REPOSITORY, env=environment, check=True)
    daemon = running(sys.executable, "-c", DAEMON, environment=environment)
    with webserver(environment) as address, daemon:
        yield Live(command, recipe, address)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_materialize_all_is_clicked_watched_and_equal_to_a_run(
    live: Live, whole_run: tuple[Any, str]
) -> None:
    wait_for(lambda: len(live.keys()) == 2)
    with browsing(1600, 1000) as page:
        page.goto(f"{live.address}/asset-groups")
        page.get_by_role("button", name="Materialize all").click()
        dialog = page.locator(".dagster-dialog")
        dialog.get_by_role("button", name="All", exact=True).click()
        dialog.get_by_role("button", name="Launch backfill").click()
        (backfill,) = wait_for(lambda: backfills(live))
        page.goto(f"{live.address}/runs/b/{backfill['id']}")
        page.get_by_text("In progress").first.wait_for()
        ended = wait_for(
            lambda: [each for each in backfills(live) if each["status"] not in UNFINISHED], 1200
        )
        assert [each["status"] for each in ended] == ["COMPLETED_SUCCESS"]
        page.get_by_text("Succeeded").first.wait_for()
        page.goto(f"{live.address}/assets/tiny/checkpoint/annealed?view=overview")
        assert_picture_is_whole(page)
    assert {run["tags"].get("dagster/backfill") for run in live.runs()} == {backfill["id"]}
    # The report holds the recipe's text, which says here where the data lies.
    made, by_command = live.command.manifests(), whole_run[0].manifests()
    assert made.keys() - by_command.keys() == {each for each in made if each.startswith("report/")}
    assert all(made[path] == by_command[path] for path in made.keys() & by_command.keys())


UNFINISHED = {"REQUESTED", "COMPLETING"}


def backfills(live: Live) -> list[Any]:
    query = """{ partitionBackfillsOrError { ... on PartitionBackfills {
        results { id status } } } }"""
    found: list[Any] = ask(live.address, query)["partitionBackfillsOrError"]["results"]
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_benchmark_that_is_added_fills_itself_in_and_nothing_else(
    live: Live, tmp_path: Path
) -> None:
    before, there = {run["runId"] for run in live.runs()}, live.command.manifests().keys()
    items = tmp_path / "arithmetic.jsonl"
    items.write_text("".join(f"{json.dumps(each)}\n" for each in ARITHMETIC))
    fields = ("question=q", "answer=a", "evaluate=answer_likelihood")
    added = live.command.here(
        "benchmark", "add", str(live.recipe), "arithmetic", f"paths={items}", *fields
    )
    assert added.code == 0, added.output

    def new() -> list[Any]:
        return [run for run in live.runs() if run["runId"] not in before]

    ask(live.address, RELOAD)
    wait_for(
        lambda: (
            live.made_by([run for run in new() if run["status"] == "SUCCESS"])
            >= FILLED_IN | DECIDED
        ),
        600,
    )
    assert live.made_by(new()) == FILLED_IN | DECIDED
    assert {run["tags"].get("dagster/partition") for run in new()} == {"arithmetic", None}
    assert {run["tags"]["midtrain/recipe"] for run in new()} == {"tiny"}
    made = live.command.manifests().keys() - there
    kinds = ["benchmark_items", "contamination", "contamination", "evaluation"]
    assert sorted(Path(path).parent.name for path in made) == kinds, "decisions are as they were"


RELOAD = """mutation { reloadRepositoryLocation(repositoryLocationName: "midtrain") {
    __typename } }"""


@pytest.mark.slow
def test_partition_that_is_clicked_says_what_the_recipe_lacks_and_goes(live: Live) -> None:
    there = wait_for(live.keys)
    with browsing(1600, 1000) as page:
        page.goto(f"{live.address}/assets/tiny/benchmark_items?view=partitions")
        page.get_by_text(there[0]).first.wait_for()
        page.get_by_role("button", name="Materialize").first.click()
        page.get_by_text("Add a partition").click()
        page.locator(".dagster-dialog input[type=text]").last.fill("of_mine")
        page.get_by_role("button", name="Save").click()
        page.get_by_role("button", name="Launch").last.click()

        def failed() -> list[Any]:
            runs = [run for run in live.runs() if run["status"] == "FAILURE"]
            return [run for run in runs if run["tags"].get("dagster/partition") == "of_mine"]

        (run,) = wait_for(failed)
        page.goto(f"{live.address}/runs/{run['runId']}")
        page.get_by_text("the recipe has no benchmark 'of_mine'").first.wait_for()
    wait_for(lambda: set(live.keys()) == set(there))


@pytest.mark.slow
def test_two_trainings_that_are_launched_run_one_after_the_other(live: Live) -> None:
    launch = """mutation { launchRun(executionParams: {mode: "default", selector: {
        repositoryLocationName: "midtrain", repositoryName: "__repository__",
        jobName: "__ASSET_JOB", assetSelection: [{path: ["tiny", "checkpoint", "base"]}],
        assetCheckSelection: []}}) { ... on LaunchRunSuccess { run { runId } } } }"""
    launched = {ask(live.address, launch)["launchRun"]["run"]["runId"] for _ in range(2)}

    def done() -> list[Any]:
        runs = [run for run in live.runs() if run["runId"] in launched]
        return runs if all(run["status"] == "SUCCESS" for run in runs) else []

    later, earlier = sorted(wait_for(done), key=lambda run: -run["startTime"])
    assert later["creationTime"] < earlier["endTime"] <= later["startTime"]
