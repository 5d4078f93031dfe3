"""The graph over an S3 server makes what it makes over a folder, and finds it again."""

from pathlib import Path
from typing import Any

from midtrain_dagster.core.storage import Storage
from resources.artifacts import ArtifactStoreResource

ASSETS = ("documents", "rater/quality", "curated_documents", "tokenizer", "token_shards")


def contents(storage: Storage) -> dict[str, bytes]:
    """Every manifest, and every pointer to one."""
    paths = [*storage.list("manifests"), *storage.list("materialized")]
    return {path: storage.read(path) for path in paths}


def test_graph_on_an_object_store_is_that_in_a_folder(
    graph, shards: Any, tmp_path: Path, s3_endpoint
) -> None:
    remote = ArtifactStoreResource(
        root=f"s3://midtrain/{tmp_path.name}", endpoint=s3_endpoint, region="us-east-1"
    )
    made = graph(remote)
    made.make(*made.TO_THE_SHARDS)
    storage = remote.storage()
    assert contents(storage) == contents(shards.artifacts.storage())
    parts = storage.list("parts")
    assert parts == shards.artifacts.storage().list("parts")
    for name in ASSETS:
        artifact = made.artifact(name)
        assert [storage.size(part.path) for part in artifact.manifest.parts] == [
            part.bytes for part in artifact.manifest.parts
        ]
    made.make(*made.TO_THE_SHARDS)
    assert storage.list("parts") == parts
