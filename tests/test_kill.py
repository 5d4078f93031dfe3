"""SIGKILL while assets of the graph are being made; the next run must make up for all of it.

One store is killed again and again: the test of an asset starts the run, waits until Dagster says
that the asset has begun, and kills the process group. So each asset of ``KILLED`` is cut once, and
finished by the test of the next. In the end the store must equal that of an undisturbed run.
"""

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

pytestmark = pytest.mark.slow

KILLED = (
    "benchmark_items",
    "documents",
    "rater/quality",
    "duplicate_edges",
    "contamination",
    "curated_documents",
    "synthesis/question_answer/documents",
    "token_shards",
    "checkpoint/annealed",
    "held_out_losses",
    "evaluation",
    "report",
)
"""One of each way in which an asset is made, in the order in which a run makes them: in this
process, by Ray tasks, by model actors, by Ray Train; once, or for each benchmark."""


@pytest.fixture(scope="module")
def killed(new_command: Any) -> Any:
    """The command over the store that is killed again and again."""
    return new_command("killed")


def has_started(instance: dg.DagsterInstance, since: float, asset: str) -> bool:
    """Whether a run created after ``since`` has begun to make the asset and not finished it."""
    step = "__".join(["tiny", *asset.split("/")])
    # Short runs follow each other faster than a busy machine can look: look at several.
    records = instance.get_run_records(limit=12)
    return any(
        event.dagster_event is not None and event.dagster_event.step_key == step
        for record in records
        if record.create_timestamp.timestamp() >= since
        for event in instance.all_logs(record.dagster_run.run_id, dg.DagsterEventType.STEP_START)
    )


def manifests_are_of(killed: Any, whole_run: Any) -> None:
    """Every manifest that is there says what the undisturbed run's says."""
    expected = whole_run[0].manifests()
    for path, text in killed.manifests().items():
        assert text == expected[path], path


@pytest.mark.parametrize("asset", KILLED)
def test_asset_killed_while_it_is_made_leaves_nothing_wrong(
    asset: str, killed: Any, whole_run: Any, tiny: Path
) -> None:
    home = killed.root / ".dagster"
    home.mkdir(parents=True, exist_ok=True)
    since = time.time()
    process = killed.start("run", str(tiny))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        while not has_started(instance, since, asset):
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.03)
    time.sleep(random.Random(asset).uniform(0, 0.5))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    manifests_are_of(killed, whole_run)


def test_store_has_nothing_lost_or_doubled_in_the_end(
    killed: Any, whole_run: Any, tiny: Path
) -> None:
    finished = killed("run", str(tiny))
    assert finished.code == 0, finished.output
    assert killed.manifests() == whole_run[0].manifests()
    made = {path for path in killed.files() if "/." not in path}
    assert made == set(whole_run[0].files())
    assert pointers(killed.root) == pointers(whole_run[0].root)


def pointers(root: Path) -> dict[Path, str]:
    """Which artifact each asset and partition made last."""
    folder = root / "materialized"
    return {path.relative_to(folder): path.read_text() for path in folder.rglob("*.json")}
