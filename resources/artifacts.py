"""The artifact store as Dagster sees it: a resource that makes, and an IO manager that hands over.

Handles travel between assets, never data. The IO manager keeps, for each asset and partition, a
pointer to the artifact that was last materialised, and refuses to hand over what the store lacks.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import dagster as dg
from pydantic import Field

from midtrain_dagster.core import progress
from midtrain_dagster.core.artifacts import Artifact, ArtifactStore, MissingArtifactError, Part
from midtrain_dagster.core.execution import Execution
from midtrain_dagster.core.filesystem import endpoint_of
from midtrain_dagster.core.known_answers import remember_answers_in
from midtrain_dagster.core.known_digests import remember_in
from midtrain_dagster.core.part_index import PartIndex
from midtrain_dagster.core.parts import Work, make_parts
from midtrain_dagster.core.storage import Storage
from resources.generator import TextGeneratorResource
from resources.ray import RayCluster

ROOT_VARIABLE = "MIDTRAIN_ROOT"
DEFAULT_ROOT = "store"

KEYS = "benchmarks"
"""What an input's definition says under this name are the keys that its recipe has."""

REUSED = "reused"
"""What a materialisation says under this name: whether the artifact was found and not made."""

POINTERS = "materialized"
"""The folder of the store that says of each asset which artifact it has made last."""

DIGESTS = "digests.tsv"
"""The list of the digests of files outside the store (``core.known_digests``)."""

ANSWERS = "answers.tsv"
"""The list of what libraries say of such files (``core.known_answers``)."""


def remember_digests(storage: Storage) -> None:
    """Keep the digests of files outside, and what was asked about them, in the store, where that is
    a folder and is there."""
    if storage.is_local and Path(storage.root).is_dir():
        remember_in(Path(storage.root) / DIGESTS)
        remember_answers_in(Path(storage.root) / ANSWERS)


class ArtifactStoreResource(dg.ConfigurableResource):
    """Where artifacts live. Secrets come from the environment, never from here."""

    root: str = Field(
        default_factory=lambda: os.environ.get(ROOT_VARIABLE, DEFAULT_ROOT),
        description="A folder, or s3://, gs:// or az:// with bucket and prefix",
    )
    endpoint: str | None = Field(
        default=None,
        description="The address of a server that is not the provider's own; by default what "
        "AWS_ENDPOINT_URL, STORAGE_EMULATOR_HOST or AZURE_STORAGE_ENDPOINT says, by the root",
    )
    region: str | None = Field(
        default_factory=lambda: os.environ.get("AWS_REGION"), description="The bucket's region"
    )

    def storage(self) -> Storage:
        """The storage model that every reader and writer shares."""
        scheme = self.root.partition("://")[0]
        endpoint = self.endpoint or endpoint_of(scheme)
        return Storage(root=self.root, endpoint=endpoint, region=self.region)

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

        place = [*context.asset_key.path, *sorted({work.name for work in works})]
        if context.has_partition_key:
            place.append(context.partition_key)
        index = PartIndex(self.artifacts.storage(), "/".join(place))
        results = make_parts(self.store, self.execution, works, on_part, index)
        context.log.info(f"{len(works)} units of work are done")
        return results


def require_key(key: str, known: Iterable[str]) -> None:
    """Raises a Failure that says what to write, if a partition's key is no benchmark that the
    recipe has."""
    if key in known:
        return
    raise dg.Failure(
        f"the recipe has no benchmark {key!r}: this partition was added to Dagster alone. Add the "
        f"benchmark to the recipe, with its own files and fields,\n\n"
        f"benchmarks:\n"
        f"  {key}:\n"
        f"    paths: [{key}.jsonl]\n"
        f"    question: question\n"
        f"    answer: answer\n\n"
        "or leave the partition alone: the sensor drops it when no run is in progress",
        allow_retries=False,
    )


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

        A fan-in receives the keys of its recipe (``KEYS`` of the input) and no others: a partition
        that somebody added in the UI is not the recipe's. Raises :class:`MissingArtifactError`,
        naming asset and key, when one is missing, also when a fan-in would receive no key at all;
        a Failure for a partition that the recipe lacks.
        """
        path = context.asset_key.path
        if not context.has_asset_partitions:
            return self._load(path, None)
        known = (context.definition_metadata or {}).get(KEYS)
        if context.has_partition_key:
            if known is not None:
                require_key(context.partition_key, known)
            return self._load(path, context.partition_key)
        keys = list(context.asset_partition_keys) if known is None else known
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
    return "/".join([POINTERS, *path, f"{partition or '_'}.json"])


def pointed_at(
    storage: Storage, path: Sequence[str], partition: str | None
) -> tuple[str, str] | None:
    """Method and fingerprint of what an asset (and partition) last materialised, if anything."""
    pointer = pointer_path(path, partition)
    if storage.size(pointer) is None:
        return None
    return pointed_to(storage, pointer)


def pointed_to(storage: Storage, pointer: str) -> tuple[str, str]:
    """Method and fingerprint of the artifact that a pointer names."""
    entry: Mapping[str, str] = json.loads(storage.read(pointer))
    return entry["method"], entry["fingerprint"]


def load_materialized(
    store: ArtifactStore, path: Sequence[str], partition: str | None = None
) -> Artifact:
    """The artifact that an asset (and partition) last materialised.

    Raises :class:`MissingArtifactError` naming the asset and the key if there is none, or if the
    store lacks a part of it.
    """
    name = "/".join(path) + (f" [{partition}]" if partition else "")
    found = pointed_at(store.storage, path, partition)
    if found is None:
        raise MissingArtifactError(f"{name} has not been materialised; materialise it first")
    artifact = store.find(*found)
    if artifact is None:
        raise MissingArtifactError(
            f"{name}: the store lacks its manifest or a part of it, or a source's file that it "
            "refers to has changed or gone; materialise it again"
        )
    return artifact
