"""What of a store nothing needs any more: found by listing it, with its size, and never guessed.

Needed is what the current artifacts of any recipe consist of, with the units of work that the next
refresh finds again; what an unfinished run has made so far; and training runs that can be resumed.
Records (of invocations, refreshes, of what things took) are never removed.
"""

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.lease import Holder
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.core.used_work import SUFFIX, used_work

Current = Collection[tuple[str, str]]
"""Methods and fingerprints of the artifacts that somebody may still ask for."""

RUNS = "runs"
INSTANCE = ".dagster"
TEMPORARY = "temporary files of dead processes"

OF_FOLDER = {
    "parts": "parts",
    "manifests": "manifests",
    "reports": "report pages",
    RUNS: "training runs",
}
"""What the files of the store's folders are called; files of other folders stay."""


class Unneeded(NamedTuple):
    """A file that nothing needs."""

    kind: str
    path: str
    bytes: int


@dataclass(frozen=True)
class Needs:
    """What of a store stays."""

    store: ArtifactStore
    current: Current
    unfinished_since: datetime | None
    """When the earliest run began that has not ended well: its parts are found when it goes on."""

    def unneeded(self) -> Iterator[Unneeded]:
        """Every file of the store that nothing needs.

        To be asked while nobody writes to the store (``in_force``): a file that is being written
        looks like one that a dead process has left.
        """
        paths, folders, replaced = self._parts()
        finished = {name.rpartition("/")[2] for name in self._manifests()}
        for file in _listed(self.store.storage):
            kind = self._kind(file, paths, folders, replaced, finished)
            if kind is not None:
                yield Unneeded(kind, file.path, file.bytes)

    def _kind(
        self,
        file: "_File",
        paths: set[str],
        folders: set[str],
        replaced: set[str],
        finished: set[str],
    ) -> str | None:
        """What sort of thing a file is that nothing needs; None of one that stays."""
        path = file.path
        top, _, below = path.partition("/")
        if top == INSTANCE:
            return None
        if any(name.startswith(".") for name in path.split("/")):
            return TEMPORARY
        if path in replaced:
            return OF_FOLDER["parts"]
        if top == "records" and path.endswith(SUFFIX):
            stays = path.rpartition("/")[2].removesuffix(SUFFIX) in self._fingerprints
            return None if stays else OF_FOLDER["manifests"]
        if top not in OF_FOLDER or self._stays(path, below, paths, folders, finished):
            return None
        return None if self._is_of_the_unfinished(file) else OF_FOLDER[top]

    @cached_property
    def _fingerprints(self) -> set[str]:
        return {fingerprint for _, fingerprint in self.current}

    def _stays(
        self, path: str, below: str, paths: set[str], folders: set[str], finished: set[str]
    ) -> bool:
        fingerprints = self._fingerprints
        if path in paths or path.rpartition("/")[0] in folders:
            return True
        if path.startswith("manifests/"):
            return path.rpartition("/")[2].removesuffix(".json") in fingerprints
        if path.startswith("reports/"):
            return below.partition("/")[0] in fingerprints
        if path.startswith(f"{RUNS}/"):
            # One without a manifest has not ended, and goes on from its last checkpoint.
            fingerprint = below.partition("/")[0].rpartition("-")[2]
            return fingerprint in fingerprints or fingerprint not in finished
        return False

    def _parts(self) -> tuple[set[str], set[str], set[str]]:
        """The files of current artifacts, the folders of what they were made with, and the files in
        those that must not stay."""
        paths: set[str] = set()
        folders: set[str] = set()
        replaced: set[str] = set()
        for method, fingerprint in self.current:
            manifest = self.store.manifest(method, fingerprint)
            if manifest is None:
                continue
            used = used_work(self.store.storage, method, fingerprint)
            own = {part.path for part in manifest.parts}
            paths |= own | {f"{path.rpartition('/')[0]}/part.json" for path in own}
            folders |= set(used.folders)
            replaced |= set(used.replaced)
        return paths, folders, replaced - paths

    def _manifests(self) -> list[str]:
        return [path.removesuffix(".json") for path in self.store.storage.list("manifests")]

    def _is_of_the_unfinished(self, file: "_File") -> bool:
        since = self.unfinished_since
        return since is not None and file.written >= since.timestamp()


class _File(NamedTuple):
    path: str
    bytes: int
    written: float
    """In seconds since 1970."""


def in_force(storage: Storage) -> list[Holder]:
    """Who holds a lease on anything in the store: it is not cleaned while somebody does."""
    flags = [path for path in storage.list("leases") if path.endswith(".json")]
    holders = []
    for content in storage.read_each(flags):
        if content is not None:
            holders.append(Holder.model_validate_json(content))
    return [holder for holder in holders if not holder.is_gone]


def remove(storage: Storage, files: Iterable[Unneeded]) -> None:
    """Remove files, and on a disk the folders that become empty. Manifests go first: an artifact is
    gone before any part of it is."""
    for each in sorted(files, key=lambda each: not each.path.startswith("manifests/")):
        storage.delete(each.path)
        if storage.is_local:
            _remove_empty(Path(storage.uri(each.path)).parent, Path(storage.root))


def _remove_empty(folder: Path, root: Path) -> None:
    while folder != root and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _listed(storage: Storage) -> Iterator[_File]:
    """Every file of the store, hidden ones and links too, by its path in it."""
    if storage.is_local:
        for folder, _, names in os.walk(storage.root):
            for name in names:
                path = Path(folder, name)
                status = path.lstat()
                size = 0 if path.is_symlink() else status.st_size
                relative = str(path.relative_to(storage.root))
                yield _File(relative, size, status.st_mtime)
        return
    from pyarrow.fs import FileSelector, FileType

    base = storage.uri("").partition("://")[2].rstrip("/")
    selector = FileSelector(base, allow_not_found=True, recursive=True)
    for info in storage.filesystem().get_file_info(selector):
        if info.type == FileType.File:
            yield _File(info.path[len(base) + 1 :], info.size, info.mtime.timestamp())
