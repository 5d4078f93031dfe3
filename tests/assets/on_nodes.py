"""A driver on several nodes, all on loopback: ``python on_nodes.py RECIPE ROOT NOTES ASSETS``.

It starts the cluster (a head without a CPU, two nodes with one each), makes the recipe's curation
on it while a node is killed, and then the stage `base`, with a worker on each of two nodes, while
one of them is killed. What happened it prints as JSON.
"""

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import ray
from ray.cluster_utils import Cluster

import resources.ray
from definitions import recipe_assets
from jobs.benchmarks import register_benchmarks
from midtrain_dagster.core.execution import OnRay
from midtrain_dagster.models.load import CheckpointError
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.training.checkpoints.checkpoint import verify_checkpoint
from midtrain_dagster.training.retention import checkpoints_in
from resources.artifacts import ArtifactBuilder, ArtifactIOManager, ArtifactStoreResource
from resources.generator import TextGeneratorResource
from resources.ray import RayCluster

WAIT_SECONDS = 300


def main(path: str, root: str, notes: Path) -> None:
    endpoint = os.environ.pop("AWS_ENDPOINT_URL")  # the nodes are not told where the store is
    memory = 80 * 2**20
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "object_store_memory": memory, "include_dashboard": False},
        shutdown_at_exit=False,  # its handlers of signals are of the main thread alone
    )
    try:
        told = disturbed(cluster, path, root, notes, endpoint)
    finally:
        ray.shutdown()
        cluster.shutdown()
    print(json.dumps(told))


def disturbed(cluster: Cluster, path: str, root: str, notes: Path, endpoint: str) -> dict[str, Any]:
    """What happened while nodes were killed."""

    def new_node() -> Any:
        return cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)

    stays, goes = new_node(), new_node()
    os.environ["AWS_ENDPOINT_URL"] = endpoint
    (notes / "goes").write_text(goes.node_id)

    class Noting(OnRay):
        """Notes where each unit of work begins, and holds the first on a node that will die."""

        def map(self, function: Any, items: Any, *asked: Any, **more: Any) -> Iterator[Any]:
            yield from super().map(noted(function, notes), items, *asked, **more)

    resources.ray.OnRay = Noting  # type: ignore[misc]
    graph = Graph(path, root, cluster.address)

    def kill() -> None:
        wait_for((notes / "held").exists)
        cluster.remove_node(goes, allow_graceful=False)

    beside(kill, lambda: graph.make(sys.argv[4].split(",")))
    told: dict[str, Any] = {"goes": goes.node_id, "stays": stays.node_id}
    told["began"] = [file.read_text() for file in notes.glob("unit-*")]

    goes = new_node()
    runs = f"{root}/runs"
    fetched: set[str] = set()
    new: list[Any] = []

    def preempt() -> None:
        wait_for(lambda: note_fetched(fetched) or any(in_all(runs)))
        told["checkpoints"] = sorted(wait_for(lambda: in_all(runs)))
        note_fetched(fetched)
        cluster.remove_node(goes, allow_graceful=False)
        new.append(new_node())
        wait_for(lambda: note_fetched(fetched, new[0].node_id) or trained.is_set())

    trained = threading.Event()

    def train() -> None:
        graph.make(["checkpoint/base"])
        trained.set()

    beside(preempt, train)
    told["fetched"] = sorted(fetched)
    told["trained_on"] = [each.node_id[:12] for each in (stays, goes, *new)]
    told["left"] = sorted(str(path) for path in inputs_of_nodes())
    told["warnings"] = graph.warnings()
    return told


class Graph:
    """The recipe's assets on the cluster, made one by one."""

    def __init__(self, path: str, root: str, address: str) -> None:
        self.recipe = load_recipe(Path(path))
        self.instance = dg.DagsterInstance.ephemeral()
        register_benchmarks(self.recipe, self.instance)
        cluster, artifacts = RayCluster(address=address), ArtifactStoreResource(root=root)
        self.resources = {
            "artifact_builder": ArtifactBuilder(
                artifacts=artifacts,
                ray=cluster,
                text_generator=TextGeneratorResource(ray=cluster),
            ),
            "artifact_io_manager": ArtifactIOManager(artifacts=artifacts),
        }
        cluster.require(artifacts.storage())

    def make(self, names: list[str]) -> None:
        assets = recipe_assets(self.recipe)
        keys = {spec.key: spec for each in assets for spec in each.specs}
        for name in names:
            key = dg.AssetKey([self.recipe.name, *name.split("/")])
            partitioned = keys[key].partitions_def is not None
            for partition in self.recipe.benchmarks if partitioned else [None]:
                dg.materialize(
                    assets,
                    selection=dg.AssetSelection.assets(key).without_checks(),
                    instance=self.instance,
                    partition_key=partition,
                    resources=self.resources,
                )

    def warnings(self) -> list[str]:
        return [
            entry.user_message
            for run in self.instance.get_runs()
            for entry in self.instance.all_logs(run.run_id)
            if entry.level >= 30
        ]


def noted(function: Any, notes: Path) -> Callable[[Any], Any]:
    def do(item: Any) -> Any:
        node = ray.get_runtime_context().get_node_id()
        (notes / f"unit-{uuid4().hex}").write_text(node)
        held = notes / "held"
        if node == (notes / "goes").read_text() and not held.exists():
            held.touch()
            time.sleep(WAIT_SECONDS)
        return function(item)

    return do


def in_all(runs: str) -> list[int]:
    """The steps of the checkpoints of all runs in the store, those that are whole.

    Its folder is seen on an object store before the last file of a checkpoint is there.
    """
    from pyarrow.fs import FileSelector

    from midtrain_dagster.core.filesystem import filesystem_of

    files, root = filesystem_of(runs)
    found = files.get_file_info(FileSelector(root, allow_not_found=True))
    runs_folders = (f"{runs}/{run.base_name}" for run in found)
    return [
        step
        for folder in runs_folders
        for step in checkpoints_in(folder)
        if is_whole(f"{folder}/step-{step:06d}")
    ]


def is_whole(checkpoint: str) -> bool:
    try:
        verify_checkpoint(checkpoint)
    except CheckpointError:
        return False
    return True


def inputs_of_nodes() -> list[Path]:
    return [
        path
        for path in Path(tempfile.gettempdir()).glob("midtrain-*-????????????")
        if path.is_dir() and path.name.count("-") == 2
    ]


def note_fetched(fetched: set[str], node: str = "") -> bool:
    fetched |= {path.name.rpartition("-")[2] for path in inputs_of_nodes()}
    return bool(node) and node[:12] in fetched


def beside(disturb: Callable[[], None], work: Callable[[], None]) -> None:
    thread = threading.Thread(target=disturb)
    thread.start()
    work()
    thread.join()


def wait_for(condition: Callable[[], Any]) -> Any:
    for _ in range(WAIT_SECONDS * 20):
        if found := condition():
            return found
        time.sleep(0.05)
    raise TimeoutError


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
