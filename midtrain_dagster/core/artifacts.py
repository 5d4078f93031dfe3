"""Artifacts: written once, under their causes, with the manifest last.

A **part** is one file under the hash of its own causes (digests of its inputs, method, version,
parameters). The parts that one unit of work makes share a folder; their record ``part.json`` is
written last, and without it they do not exist. A **manifest** lists an artifact's parts and is
written after all of them; its own hash of causes is the artifact's **fingerprint**. A part that
exists is not made again, which is the whole of resume and of refresh.

Between assets travels the :class:`Artifact`: a handle with the manifest and the way to the store.
"""

import builtins
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from midtrain_dagster.core.causes import Versions, canonical, cause
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.lease import Holder, lease
from midtrain_dagster.core.reference import Reference
from midtrain_dagster.core.storage import Storage

if TYPE_CHECKING:
    import polars as pl


class MissingArtifactError(RuntimeError):
    """An artifact that something depends on is not in the store; the message names it."""


class Part(FrozenModel):
    """One immutable file of an artifact, and what is in it.

    ``label`` says what the part belongs to where an artifact has several (a source, a checkpoint).
    ``text_from`` says where the column ``text`` of documents stands, if it is not in the file. That
    is a location and no cause: the ids are hashes of the text, so the digest speaks of it too.
    """

    table: str
    path: str
    digest: str
    label: str = ""
    rows: int = 0
    tokens: int = 0
    bytes: int
    text_from: tuple[Reference, ...] = ()


class Manifest(FrozenModel):
    """What an artifact is made of and what caused it.

    ``figures`` are numbers for people: nothing computes with them. What a later step has to know
    of an artifact is in a part of it, and the room that wrote it has a typed handle that reads it.
    """

    method: str
    versions: dict[str, int]
    section: Any
    upstream: dict[str, Any]
    parts: tuple[Part, ...]
    figures: dict[str, int | float | str | None] = Field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """The hash of the artifact's causes."""
        return fingerprint(self.method, self.versions, self.section, self.upstream)


def fingerprint(method: str, versions: Versions, section: Any, upstream: Mapping[str, Any]) -> str:
    """The fingerprint of an artifact, known before it is made."""
    return cause(method, versions, section, upstream)


@dataclass(frozen=True)
class Artifact:
    """A handle on a finished artifact: small, typed, and read only when asked."""

    storage: Storage
    manifest: Manifest

    @property
    def fingerprint(self) -> str:
        """The hash of its causes, Dagster's data version."""
        return self.manifest.fingerprint

    def parts(self, table: str) -> tuple[Part, ...]:
        """The parts of one of its tables, in order. Raises :class:`KeyError` for no such table."""
        parts = tuple(part for part in self.manifest.parts if part.table == table)
        if not parts:
            raise KeyError(f"{self.manifest.method} has no table {table!r}")
        return parts

    def has(self, table: str) -> bool:
        """Whether the artifact holds that table."""
        return any(part.table == table for part in self.manifest.parts)

    def rows(self, table: str) -> int:
        """Rows of one table over all its parts."""
        return sum(part.rows for part in self.manifest.parts if part.table == table)

    @property
    def tokens(self) -> int:
        """Tokens over all parts."""
        return sum(part.tokens for part in self.manifest.parts)

    @property
    def bytes(self) -> int:
        """Size on disk over all parts."""
        return sum(part.bytes for part in self.manifest.parts)

    def content(self, table: str) -> "builtins.bytes":
        """The content of a table that is one file, such as a page or a JSON record."""
        (part,) = self.parts(table)
        return self.storage.read(part.path)

    def scan(self, table: str) -> "pl.LazyFrame":
        """A table as a Polars LazyFrame over all its parts.

        Raises :class:`MissingArtifactError` if a part's text lies outside the store and is gone.
        """
        return scan_parts(self.storage, self.parts(table))

    def read(self, table: str) -> "pl.DataFrame":
        """A table, whole, in memory."""
        return self.scan(table).collect()


def scan_parts(storage: Storage, parts: Sequence[Part]) -> "pl.LazyFrame":
    """Parquet parts of one table, concatenated, wherever their text lies.

    Raises :class:`MissingArtifactError` if it lies outside the store and is gone.
    """
    import polars as pl

    for part, lost in lost_text(parts):
        raise MissingArtifactError(
            f"{lost.uri} is gone or has changed, and the text of {storage.uri(part.path)} stands "
            "in it; restore the file, or run again to collect it anew"
        )
    frames = [
        _scan_alike(storage, list(alike))
        for _, alike in groupby(parts, key=lambda part: part.path if part.text_from else None)
    ]
    return pl.concat(frames) if len(frames) > 1 else frames[0]


def _scan_alike(storage: Storage, parts: Sequence[Part]) -> "pl.LazyFrame":
    """Parts that hold all their columns, or one that refers to its text."""
    import polars as pl

    uris = [storage.uri(part.path) for part in parts]
    # Brackets, stars and question marks stand in names of folders, too.
    stored = pl.scan_parquet(uris, glob=False, storage_options=storage.polars_options())
    if not parts[0].text_from:
        return stored
    from midtrain_dagster.core.in_place import scan_in_place

    return scan_in_place(stored, parts[0].text_from, uris[0])


def lost_text(parts: Sequence[Part]) -> list[tuple[Part, Reference]]:
    """Each file outside the store that is gone or of another size, with a part that needs it."""
    files = {(each.uri, each.bytes): (part, each) for part in parts for each in part.text_from}
    return [(part, reference) for part, reference in files.values() if not reference.is_there]


def are_whole(storage: Storage, parts: Sequence[Part]) -> bool:
    """Whether the store has each of the parts, and their text is where it was."""
    sizes = storage.sizes([part.path for part in parts])
    stored = all(size == part.bytes for size, part in zip(sizes, parts, strict=True))
    return stored and not lost_text(parts)


Figures = Mapping[str, int | float | str | None]
"""Numbers worth showing, by name."""


@dataclass(frozen=True)
class ArtifactStore:
    """Makes artifacts or finds them."""

    storage: Storage

    def manifest_path(self, method: str, fingerprint: str) -> str:
        """Where a manifest lies in the store."""
        return f"manifests/{method}/{fingerprint}.json"

    def manifest(self, method: str, fingerprint: str) -> Manifest | None:
        """The manifest of that fingerprint, whether or not its parts are still there."""
        path = self.manifest_path(method, fingerprint)
        if self.storage.size(path) is None:
            return None
        return Manifest.model_validate_json(self.storage.read(path))

    def manifests(self, method: str) -> list[Manifest]:
        """Every manifest of a method, in the order of their fingerprints."""
        stems = sorted(Path(path).stem for path in self.storage.list(f"manifests/{method}"))
        return [manifest for stem in stems if (manifest := self.manifest(method, stem))]

    def find(self, method: str, fingerprint: str) -> Artifact | None:
        """The finished artifact of that fingerprint, if the store has all of it."""
        manifest = self.manifest(method, fingerprint)
        if manifest is None or not are_whole(self.storage, manifest.parts):
            return None
        return Artifact(self.storage, manifest)

    def make(
        self,
        method: str,
        versions: Versions,
        section: Any,
        upstream: Mapping[str, Any],
        build: Callable[[str], tuple[Sequence[Part], Figures]],
        on_wait: Callable[[Holder], None] = lambda holder: None,
    ) -> Artifact:
        """The artifact of these causes: found, or built and its manifest written last.

        ``upstream`` maps names to fingerprints (or digests); ``build`` receives the fingerprint and
        returns the parts and the figures worth showing. Only one process builds it at a time;
        ``on_wait`` is told which one it is that this one waits for.
        """
        section, causes = canonical(section), canonical(upstream)
        name = fingerprint(method, versions, section, causes)
        found = self.find(method, name)
        if found:
            return found
        with lease(self.storage, f"{method}/{name}", on_wait):
            found = self.find(method, name)
            if found:
                return found
            parts, figures = build(name)
            manifest = Manifest(
                method=method,
                versions=dict(versions),
                section=section,
                upstream=causes,
                parts=tuple(parts),
                figures=dict(figures),
            )
            text = json.dumps(manifest.model_dump(mode="json"), indent=1, sort_keys=True)
            self.storage.write(self.manifest_path(method, name), text.encode())
        return Artifact(self.storage, manifest)
