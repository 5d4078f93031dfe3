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

ASSETS = [
    "benchmark_items",
    "documents",
    "language",
    "personal_data",
    "quality_rater",
    "signals",
    "signatures",
    "ratings",
    "duplicate_edges",
    "contamination",
    "eligibility",
    "duplicate_clusters",
    "repeated_text",
    "sample",
    "curated_documents",
    "distributions",
    "synthetic_documents",
    "tokenizer",
    "synthetic/language",
    "synthetic/personal_data",
    "synthetic/signals",
    "synthetic/signatures",
    "synthetic/ratings",
    "synthetic/duplicate_edges",
    "synthetic/contamination",
    "synthetic/eligibility",
    "synthetic/duplicate_clusters",
    "synthetic/repeated_text",
    "synthetic/sample",
    "synthetic/curated_documents",
    "synthetic/distributions",
    "token_shards",
    "base",
    "annealed",
    "annealed_control",
    "extended",
    "held_out_losses",
    "evaluation",
    "report",
]
"""In the order in which a run makes them."""

KILLED = [name for name in ASSETS if not name.startswith("synthetic/") or "curated" in name]
"""Of the synthetic documents' curation the last stands for all: it is the same code as above."""


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


def test_the_list_is_the_whole_graph(tiny: Path) -> None:
    from definitions import recipe_assets
    from midtrain_dagster.recipe_file import load_recipe
    from resources.artifacts import asset_name

    specs = [spec for each in recipe_assets(load_recipe(tiny)) for spec in each.specs]
    assert {asset_name(spec.key) for spec in specs} == set(ASSETS)


@pytest.mark.parametrize("asset", KILLED)
def test_killed_while_it_is_made(asset: str, killed: Any, whole_run: Any, tiny: Path) -> None:
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


def test_in_the_end_nothing_is_lost_or_doubled(killed: Any, whole_run: Any, tiny: Path) -> None:
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
