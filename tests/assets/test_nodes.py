"""A cluster of several nodes and a store on an S3 server: nodes are killed, and nothing is lost."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from assets.declaration import declarations
from assets.plan import in_order
from definitions import recipe_assets
from jobs.sequence import ancestry
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.training.artifact import LOG
from resources.artifacts import ArtifactStoreResource, load_materialized

pytestmark = pytest.mark.slow

SECRET = "p1anted-5ecret-of-the-nodes"
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """For Ray's sockets, whose paths are limited."""
    with TemporaryDirectory(prefix="r") as folder:
        yield Path(folder)


def test_nodes_that_are_killed_lose_nothing(
    graph: Any, folder: Path, tmp_path: Path, s3_endpoint: str, short_folder: Path
) -> None:
    stage = {
        "start": "random",
        "tokens": 40 * 256,
        "batch_tokens": 256,
        "sequence_length": 64,
        "schedule": [{"phase": "constant", "learning_rate": 0.001}],
        "mixture": {"domains": {"web": 0.5, "wikipedia": 0.5}},
        "checkpoint_every": 4,
    }
    parts = {"collection": {"part_bytes": 20_000}}
    alone = graph(**parts, stages={"base": stage})
    before = needed(alone.recipe, "checkpoint/base")
    alone.make(*before, "checkpoint/base")

    several = graph(**parts, stages={"base": {**stage, "workers": 2, "restarts": 2}})
    root = f"s3://midtrain/{tmp_path.name}"
    (tmp_path / "notes").mkdir()
    finished = subprocess.run(
        [
            *(sys.executable, str(Path(__file__).with_name("on_nodes.py"))),
            *(several.recipe.file, root, str(tmp_path / "notes")),
            ",".join(before),
        ],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "AWS_ENDPOINT_URL": s3_endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "RAY_raylet_start_wait_time_s": "120",  # on a machine that others use as well
            "RAY_TMPDIR": str(short_folder),
            "TMPDIR": str(short_folder),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert finished.returncode == 0, finished.stderr[-6000:]
    told = json.loads(finished.stdout.splitlines()[-1])

    # Curation was made on both nodes, and is what one process makes.
    assert set(told["began"]) == {told["goes"], told["stays"]}
    store = ArtifactStoreResource(root=root, endpoint=s3_endpoint, region="us-east-1")
    storage, local = store.storage(), alone.artifacts.storage()
    assert made(storage) == made(local)

    # The stage fetched its inputs on each node, and went on from a checkpoint in the store.
    assert set(told["fetched"]) == set(told["trained_on"])
    assert told["left"] == [] or told["trained_on"][1] in told["left"][0]
    (lost,) = [each for each in told["warnings"] if "a worker was lost" in each]
    step = int(lost.split("the checkpoint of step ")[1].split()[0])
    assert step >= told["checkpoints"][0]
    path = [several.recipe.name, "checkpoint", "base"]
    trained = load_materialized(store.store(), path).read(LOG)
    plain = load_materialized(alone.artifacts.store(), path).read(LOG)
    assert trained["step"].to_list() == list(range(40))
    assert (trained["loss"] - plain["loss"]).abs().max() < 1e-3  # type: ignore[operator]

    for file in storage.list(""):
        assert SECRET.encode() not in storage.read(file), file


def needed(recipe: Recipe, name: str) -> list[str]:
    """What an asset is made from, in an order in which it can be made."""
    assets = recipe_assets(recipe)
    keys = ancestry(assets, name)
    ordered = [each for each in in_order(declarations(assets)) if each.key in keys]
    return [each.name for each in ordered if each.name != name]


def made(storage: Storage) -> dict[str, bytes]:
    """Every manifest but the checkpoint's, whose sums two workers make in another order."""
    paths = [path for path in storage.list("manifests") if "/checkpoint/" not in path]
    return {path: storage.read(path) for path in paths}
