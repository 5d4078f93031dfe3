"""The artifact store as Dagster sees it: a resource that makes, and an IO manager that hands over.

Handles travel between assets, never data. The IO manager keeps, for each asset and partition, a
pointer to the artifact that was last materialised, and refuses to hand over what the store lacks.
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from midtrain_dagster.core import progress
from midtrain_dagster.core.artifacts import Artifact, ArtifactStore, MissingArtifactError, Part
from midtrain_dagster.core.execution import Execution
from midtrain_dagster.core.parts import Work, make_parts
from midtrain_dagster.core.storage import Storage
from resources.generator import TextGeneratorResource
from resources.ray import RayCluster

ROOT_VARIABLE = "MIDTRAIN_ROOT"
DEFAULT_ROOT = "store"


class ArtifactStoreResource(dg.ConfigurableResource):
    """Where artifacts live. Secrets come from the environment, never from here."""

    root: str = Field(
        default_factory=lambda: os.environ.get(ROOT_VARIABLE, DEFAULT_ROOT),
        description="A folder, or s3://, gs:// or az:// with bucket and prefix",
    )
    endpoint: str | None = Field(
        default_factory=lambda: os.environ.get("AWS_ENDPOINT_URL"),
        description="An S3-compatible server's address",
    )
    region: str | None = Field(
        default_factory=lambda: os.environ.get("AWS_REGION"), description="The bucket's region"
    )

    def storage(self) -> Storage:
        """The storage model that every reader and writer shares."""
        return Storage(root=self.root, endpoint=self.endpoint, region=self.region)

    def store(self) -> ArtifactStore:
        """The store that makes artifacts or finds them."""
        return ArtifactStore(self.storage())


class ArtifactBuilder(dg.ConfigurableResource):
    """What an asset needs to make its artifact: the store, Ray to make parts with, a generator."""

    artifacts: ArtifactStoreResource
    ray: RayCluster
    text_generator: TextGeneratorResource

    @property
    def store(self) -> ArtifactStore:
        """The artifact store."""
        return self.artifacts.store()

    @property
    def execution(self) -> Execution:
        """Where units of work run."""
        return self.ray.execution()

    def parts(self, context: dg.AssetExecutionContext, works: Sequence[Work]) -> list[list[Part]]:
        """The outputs of every unit of work, in order, found or made; progress is shown."""
        name = asset_name(context.asset_key)

        def on_part(done: int, total: int) -> None:
            progress.report(name, done, total, "parts")

        results = make_parts(self.store, self.execution, works, on_part)
        context.log.info(f"{len(works)} units of work are done")
        return results


def asset_name(key: dg.AssetKey) -> str:
    """An asset's name without its recipe, as shown in the terminal."""
    return "/".join(key.path[1:]) or key.path[0]


class ArtifactIOManager(dg.ConfigurableIOManager):
    """Hands artifacts from asset to asset by handle; raises when one is not really there."""

    artifacts: ArtifactStoreResource

    def handle_output(self, context: dg.OutputContext, obj: Artifact) -> None:
        """Point the asset (and partition) at its artifact, which must be in the store."""
        found = self.artifacts.store().find(obj.manifest.method, obj.fingerprint)
        partition = context.partition_key if context.has_partition_key else None
        pointer = pointer_path(context.asset_key.path, partition)
        if found is None:
            raise MissingArtifactError(f"{pointer}: its manifest or a part of it was never written")
        entry = {"method": obj.manifest.method, "fingerprint": obj.fingerprint}
        self.artifacts.storage().write(pointer, json.dumps(entry).encode())

    def load_input(self, context: dg.InputContext) -> Artifact | dict[str, Artifact]:
        """The upstream's artifact; a mapping of key to artifact for a fan-in over partitions.

        Raises :class:`MissingArtifactError`, naming asset and key, when one is missing, also when
        a fan-in would receive no key at all.
        """
        path = context.asset_key.path
        if not context.has_asset_partitions:
            return self._load(path, None)
        keys = list(context.asset_partition_keys)
        if context.has_partition_key:
            return self._load(path, context.partition_key)
        if not keys:
            raise MissingArtifactError(
                f"{'/'.join(path)} has no partition at all; register its keys first "
                "(`midtrain run` and the benchmark sensor do)"
            )
        return {key: self._load(path, key) for key in keys}

    def _load(self, path: Sequence[str], partition: str | None) -> Artifact:
        return load_materialized(self.artifacts.store(), path, partition)


def pointer_path(path: Sequence[str], partition: str | None) -> str:
    """Where the pointer to an asset's last artifact lies in the store."""
    return "/".join(["materialized", *path, f"{partition or '_'}.json"])


def load_materialized(
    store: ArtifactStore, path: Sequence[str], partition: str | None = None
) -> Artifact:
    """The artifact that an asset (and partition) last materialised.

    Raises :class:`MissingArtifactError` naming the asset and the key if there is none, or if the
    store lacks a part of it.
    """
    name = "/".join(path) + (f" [{partition}]" if partition else "")
    pointer = pointer_path(path, partition)
    if store.storage.size(pointer) is None:
        raise MissingArtifactError(f"{name} has not been materialised; materialise it first")
    entry: Mapping[str, Any] = json.loads(store.storage.read(pointer))
    artifact = store.find(entry["method"], entry["fingerprint"])
    if artifact is None:
        raise MissingArtifactError(
            f"{name}: the store lacks its manifest or a part of it, or a source's file that it "
            "refers to has changed or gone; materialise it again"
        )
    return artifact
