"""What the finished run of the tiny recipe has made, with a pair of duplicates added to it.

A copy of the run's store, of links, takes what tests change.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.core.artifacts import Artifact, ArtifactStore
from midtrain_dagster.core.parts import Output, write_output
from midtrain_dagster.core.storage import Storage

SYNTHETIC = "synthesis/question_answer/"


@pytest.fixture(scope="session")
def linked(tiny_run: Any, tmp_path_factory: pytest.TempPathFactory) -> ArtifactStore:
    """A store that finds all that the run has made, and writes elsewhere."""
    root = tmp_path_factory.mktemp("linked")
    for name in ("manifests", "parts"):
        (root / name).symlink_to(Path(tiny_run.store.storage.root, name))
    return ArtifactStore(Storage(root=str(root)))


Changed = Callable[..., Artifact]


@pytest.fixture(scope="session")
def changed(linked: ArtifactStore) -> Changed:
    """Makes an artifact of another, with some tables and some of its manifest replaced."""
    made: list[Artifact] = []

    def change(
        artifact: Artifact, tables: dict[str, Output] | None = None, **manifest: Any
    ) -> Artifact:
        folder = f"changed/{len(made)}"
        written = [
            write_output(linked.storage, folder, name, output)
            for name, output in (tables or {}).items()
        ]
        kept = (part for part in artifact.manifest.parts if part.table not in (tables or {}))
        update = {"parts": (*kept, *written)} | manifest
        other = artifact.manifest.model_copy(update=update)
        made.append(replace(artifact, storage=linked.storage, manifest=other))
        return made[-1]

    return change


@pytest.fixture(scope="session")
def pair(tiny_run: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two kept documents of one source: what is said to be a duplicate, and the one that stays."""
    kept = tiny_run["curated_documents"].scan("decisions").filter("keep").select("id")
    documents = tiny_run["documents"].scan("documents").join(kept, on="id", how="semi")
    chosen = documents.filter(source="openwebtext").sort("id").head(2).collect()
    return chosen.row(1, named=True), chosen.row(0, named=True)


@pytest.fixture(scope="session")
def made(tiny_run: Any, changed: Changed, pair: Any) -> dict[str, Any]:
    """Every artifact by its asset's name, with one cluster of duplicates."""
    goes, stays = (each["id"] for each in pair)
    edge = {"a": [stays], "b": [goes], "method": ["minhash"], "jaccard": [0.8125]}
    cluster = {"id": [stays, goes], "cluster": [stays, stays], "kept": [True, False]}
    return tiny_run.artifacts | {
        "duplicate_edges": changed(tiny_run["duplicate_edges"], {"edges": pl.DataFrame(edge)}),
        "duplicate_clusters": changed(
            tiny_run["duplicate_clusters"], {"clusters": pl.DataFrame(cluster)}
        ),
    }
