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


def wait_until_started(home: Path, since: float, asset: str, process: Any) -> None:
    """Until a run created after ``since`` has begun to make the asset."""
    step = "__".join(["tiny", *asset.split("/")])
    ended: set[str] = set()
    with dg.DagsterInstance.from_config(str(home)) as instance:
        while True:
            # Short runs follow each other faster than a busy machine can look: look at several.
            for record in instance.get_run_records(limit=12):
                run = record.dagster_run
                if record.create_timestamp.timestamp() < since or run.run_id in ended:
                    continue
                events = instance.all_logs(run.run_id, dg.DagsterEventType.STEP_START)
                if any(each.step_key == step for each in events):
                    return
                if run.is_finished:
                    ended.add(run.run_id)
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.1)


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
    wait_until_started(home, since, asset, process)
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
