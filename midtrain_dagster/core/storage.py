"""Where artifacts live: a local folder or an object store, behind one model of options.

The same model feeds PyArrow (every read and write of ours) and Polars (lazy scans), so that a
store which one of them can open, the other can too. Secrets are never part of it: they come from
the environment, under the names that PyArrow and Polars read themselves
(``AWS_ACCESS_KEY_ID``, ``GOOGLE_APPLICATION_CREDENTIALS``, ``AZURE_STORAGE_ACCOUNT_NAME``, ...).

A file appears whole or not at all. On a local disk it is written beside its place, synced and
renamed; an object store's upload is atomic by itself.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from pydantic import field_validator

from midtrain_dagster.core.filesystem import filesystem_of
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.room import require_room

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

Scheme = Literal["file", "s3", "gs", "az"]
SCHEMES: tuple[Scheme, ...] = ("s3", "gs", "az")

LOCAL = ".local"
"""Where in a store on a disk the folders of links are."""


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
        return root if "://" in root else str(Path(root).expanduser().resolve())

    @property
    def scheme(self) -> Scheme:
        """The kind of store, from the root's prefix."""
        for scheme in SCHEMES:
            if self.root.startswith(f"{scheme}://"):
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
        return f"{self._base}/{relative}"

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
        if self.region:
            options["aws_region"] = self.region
        if self.endpoint:
            options["aws_endpoint_url"] = self.endpoint
            options["aws_allow_http"] = str(self.endpoint.startswith("http://")).lower()
        return options

    def size(self, relative: str) -> int | None:
        """The size of a file in bytes, or ``None`` if there is no such file."""
        from pyarrow.fs import FileType

        info = self.filesystem().get_file_info(self._path(relative))
        return info.size if info.type == FileType.File else None

    def read(self, relative: str) -> bytes:
        """A file's bytes. Raises :class:`FileNotFoundError` if it does not exist."""
        with self.filesystem().open_input_stream(self._path(relative)) as stream:
            return stream.read()

    def list(self, relative: str) -> list[str]:
        """The files under a folder, recursively, as sorted paths relative to the root."""
        from pyarrow.fs import FileSelector, FileType

        selector = FileSelector(self._path(relative), allow_not_found=True, recursive=True)
        infos = self.filesystem().get_file_info(selector)
        base = len(self._base) + 1
        return sorted(info.path[base:] for info in infos if info.type == FileType.File)

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
                if self.is_local:
                    (folder / name).symlink_to(self._path(relative))
                else:
                    (folder / name).write_bytes(self.read(relative))
            yield folder
        finally:
            shutil.rmtree(folder)


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
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
