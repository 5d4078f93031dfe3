"""Where artifacts live: a local folder or an object store, behind one model of options.

The same model feeds PyArrow (every read and write of ours) and Polars (lazy scans), so that a
store which one of them can open, the other can too. Secrets are never part of it: they come from
the environment, under the names that PyArrow and Polars read themselves
(``AWS_ACCESS_KEY_ID``, ``GOOGLE_APPLICATION_CREDENTIALS``, ``AZURE_STORAGE_ACCOUNT_NAME``, ...).

A file appears whole or not at all. On a local disk it is written beside its place, synced and
renamed; an object store's upload is atomic by itself.
"""

import builtins
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar
from uuid import uuid4

from pydantic import field_validator

from midtrain_dagster.core.filesystem import filesystem_of, located, server_options
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.room import require_room

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

Scheme = Literal["file", "s3", "gs", "az"]
SCHEMES: tuple[Scheme, ...] = ("s3", "gs", "az")

LOCAL = ".local"
"""Where in a store on a disk the folders of links are."""

AT_ONCE = 32
"""Requests to a store that wait for an answer at the same time."""

MANY = 64
"""Files of a folder of an object store from which it is listed, a thousand files a request; fewer
are asked for one by one."""

Found = TypeVar("Found")

_ELSEWHERE = re.compile(r"^/|(^|/)\.\.?(/|$)|\0")
"""In a path: what is no name of a file in a folder."""


class StorageError(RuntimeError):
    """The store could not be read or written; the message says which file and what to do."""


class Storage(FrozenModel):
    """A root and how to reach it. ``root`` is a folder or a URI (``s3://bucket/prefix``).

    A relative folder is made absolute here, once: this model travels to other processes.
    """

    root: str
    endpoint: str | None = None
    region: str | None = None

    @field_validator("root")
    @classmethod
    def _absolute(cls, root: str) -> str:
        root = located(root, Path.cwd())
        return root if "://" in root else str(Path(root).resolve())

    @property
    def scheme(self) -> Scheme:
        """The kind of store, from the root's prefix."""
        for scheme in SCHEMES:
            if self.root.startswith(f"{scheme}://"):
                if not self.root.removeprefix(f"{scheme}://").strip("/"):
                    raise StorageError(
                        f"{self.root}: names no bucket; use {scheme}://BUCKET/FOLDER"
                    )
                return scheme
        if "://" in self.root:
            raise StorageError(
                f"{self.root}: unknown kind of store; use a folder, s3://, gs:// or az://"
            )
        return "file"

    @property
    def is_local(self) -> bool:
        """Whether the root is a folder of this machine (or one mounted into it)."""
        return self.scheme == "file"

    @property
    def _base(self) -> str:
        if self.is_local:
            return self.root
        return self.root.split("://", 1)[1].rstrip("/")

    def _path(self, relative: str) -> str:
        return f"{self._base}/{inside(relative)}"

    def uri(self, relative: str) -> str:
        """The full address of a file: an absolute path, or a URI that Polars can scan."""
        return self._path(relative) if self.is_local else f"{self.scheme}://{self._path(relative)}"

    def filesystem(self) -> "FileSystem":
        """The PyArrow file system of this root."""
        if self.is_local:
            return filesystem_of(self.root)[0]
        return filesystem_of(self.root, endpoint=self.endpoint, region=self.region)[0]

    def polars_options(self) -> dict[str, str] | None:
        """Storage options for ``polars.scan_parquet``; ``None`` for a local folder."""
        if self.is_local:
            return None
        options: dict[str, str] = {}
        if self.region and self.scheme == "s3":
            options["aws_region"] = self.region
        if self.endpoint:
            options |= server_options(self.scheme, self.endpoint)
        return options

    def size(self, relative: str) -> int | None:
        """The size of a file in bytes, or ``None`` if there is no such file."""
        from pyarrow.fs import FileType

        info = self.filesystem().get_file_info(self._path(relative))
        return info.size if info.type == FileType.File else None

    def sizes(self, relatives: Sequence[str]) -> "builtins.list[int | None]":
        """The sizes of many files in bytes, ``None`` where there is no such file.

        A disk is asked for each. Of an object store the folders that hold many of them, two deep
        (``parts/signatures``), are listed, and the requests go out in parallel: what is listed and
        not asked for costs a thousandth of a request.
        """
        if self.is_local:
            return [self.size(relative) for relative in relatives]
        folder_of = {relative: "/".join(relative.split("/")[:2]) for relative in relatives}
        asked = Counter(folder_of.values())
        listed = [folder for folder, files in asked.items() if files >= MANY]
        alone = [relative for relative, folder in folder_of.items() if asked[folder] < MANY]
        known: dict[str, int | None] = {}
        for files in in_parallel(self._listed, listed):
            known.update(files)
        known.update(zip(alone, in_parallel(self.size, alone), strict=True))
        return [known.get(relative) for relative in relatives]

    def read_each(self, relatives: Sequence[str]) -> "builtins.list[bytes | None]":
        """The bytes of many files, read in parallel; ``None`` where there is no such file."""

        def read(relative: str) -> bytes | None:
            try:
                return self.read(relative)
            except FileNotFoundError:
                return None

        return in_parallel(read, relatives)

    def read(self, relative: str) -> bytes:
        """A file's bytes. Raises :class:`FileNotFoundError` if it does not exist."""
        with self.filesystem().open_input_stream(self._path(relative)) as stream:
            return stream.read()

    def list(self, relative: str) -> builtins.list[str]:
        """The files under a folder, recursively, as sorted paths relative to the root.

        Without those whose name begins with a dot: what a killed process was writing, or what a
        system has left there.
        """
        return sorted(path for path, _ in self._listed(relative))

    def _listed(self, relative: str) -> "builtins.list[tuple[str, int]]":
        """The files under a folder, recursively, each with its size in bytes."""
        from pyarrow.fs import FileSelector, FileType

        selector = FileSelector(self._path(relative), allow_not_found=True, recursive=True)
        infos = self.filesystem().get_file_info(selector)
        base = len(self._base) + 1
        return [
            (info.path[base:], info.size)
            for info in infos
            if info.type == FileType.File and not info.base_name.startswith(".")
        ]

    def write(self, relative: str, data: bytes | memoryview) -> None:
        """Write a file whole or not at all; raises :class:`StorageError` if it cannot be, and
        :class:`FullDiskError`, before it begins, where the disk has no room for it."""
        target = self._path(relative)
        if self.is_local:
            require_room(self.root, len(data), f"writing {relative}")
        try:
            if self.is_local:
                _write_atomically(Path(target), data)
            else:
                with self.filesystem().open_output_stream(target) as stream:
                    stream.write(data)
        except OSError as error:
            raise StorageError(
                f"{self.uri(relative)} could not be written: {error.strerror or error}. "
                "Nothing half-written is left; free some space or mend the access, and run again"
            ) from error

    def put(self, relative: str, file: Path) -> None:
        """Take in a local file that nobody writes to any more, whole or not at all.

        On the disk of the store it is linked and takes no room twice; elsewhere it is copied, a
        block at a time. Raises :class:`StorageError` if it cannot be.
        """
        from pyarrow.fs import copy_files

        target = self._path(relative)
        try:
            if self.is_local:
                _link_atomically(Path(target), file.resolve())
            else:
                copy_files(str(file.resolve()), target, destination_filesystem=self.filesystem())
        except OSError as error:
            raise StorageError(
                f"{self.uri(relative)} could not be written: {error.strerror or error}. "
                "Nothing half-written is left; free some space or mend the access, and run again"
            ) from error

    def delete(self, relative: str) -> None:
        """Remove a file; none of that name is no error, for another process may have been first."""
        if self.is_local:
            Path(self._path(relative)).unlink(missing_ok=True)
            return
        with suppress(FileNotFoundError):
            self.filesystem().delete_file(self._path(relative))

    @contextmanager
    def local_folder(self, files: dict[str, str]) -> Iterator[Path]:
        """A local folder holding the given files (name in the folder to path in the store).

        Local files are linked, in a folder inside the store, which workers on other machines may
        share; remote ones are fetched to this machine. The folder is removed afterwards. Raises
        :class:`FullDiskError` where there is no room for what would be fetched.
        """
        beside = Path(self._path(LOCAL)) if self.is_local else None
        if beside:
            beside.mkdir(parents=True, exist_ok=True)
        else:
            size = sum(self.size(relative) or 0 for relative in files.values())
            require_room(tempfile.gettempdir(), size, f"fetching {len(files)} files of {self.root}")
        folder = Path(tempfile.mkdtemp(prefix="midtrain-", dir=beside))
        try:
            for name, relative in files.items():
                inside(name)
                if self.is_local:
                    (folder / name).symlink_to(self._path(relative))
                else:
                    (folder / name).write_bytes(self.read(relative))
            yield folder
        finally:
            shutil.rmtree(folder)


def inside(relative: str) -> str:
    """A path below a folder, as it is. Raises :class:`StorageError` for one that leads elsewhere:
    names in it may be a manifest's, or somebody's data."""
    if _ELSEWHERE.search(relative):
        raise StorageError(f"{relative!r} leads out of the store: whose manifest or name is it?")
    return relative


def in_parallel(look: Callable[[str], Found], relatives: Sequence[str]) -> list[Found]:
    """What is found for each path, in order; raises what the first that fails raises."""
    if len(relatives) < 2:
        return [look(relative) for relative in relatives]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(look, relatives))


def _write_atomically(target: Path, data: bytes | memoryview) -> None:
    with _beside(target) as temporary, temporary.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _link_atomically(target: Path, file: Path) -> None:
    with _beside(target) as temporary:
        try:
            os.link(file, temporary)
        except OSError:  # another disk, or one without links
            shutil.copyfile(file, temporary)
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A name beside a file's place; what the body writes there gets the place, if all goes well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        yield temporary
        temporary.replace(target)
        # Of two names of one file, rename leaves both.
        temporary.unlink(missing_ok=True)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
