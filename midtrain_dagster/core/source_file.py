"""One file of a source: what it is called, where it lies, and what is in it.

Only the name, the size and the digest are causes of what is made from it. Where it lies is not:
the same corpus on another machine, or in another bucket, gives the same documents and ids.
"""

import os
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote_to_bytes

from midtrain_dagster.core.causes import NOT_A_CAUSE
from midtrain_dagster.core.filesystem import filesystem_of
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.known_digests import known_digest

if TYPE_CHECKING:
    from pyarrow import NativeFile


LOCAL_SCHEME = "file://"
"""What the address of a local file begins with whose path is not UTF-8, and therefore is quoted."""


class SourceError(ValueError):
    """A source cannot be read as the recipe says; the message says which and what to do."""


class Piece(FrozenModel):
    """A stretch of a file that is read by itself: from ``start`` to ``stop``, in row groups of
    Parquet or bytes of lines, with ``before`` rows or lines of the file before it."""

    start: int
    stop: int
    before: int


class SourceFile(FrozenModel):
    """A file: its name within the source, its local path or URI, its bytes and their digest.

    Of lines in pieces, the bytes and the digest are those of the piece.
    """

    name: str
    uri: Annotated[str, NOT_A_CAUSE]
    bytes: int
    digest: str
    piece: Piece | None = None

    @property
    def cause(self) -> dict[str, Any]:
        """What of the file goes into the fingerprint of whatever is made from it."""
        causes = {"name": self.name, "bytes": self.bytes, "digest": self.digest}
        return {**causes, "piece": self.piece} if self.piece else causes

    def open(self) -> "NativeFile":
        """The raw bytes, with random access. Raises OSError when the storage fails."""
        if self.uri.startswith(LOCAL_SCHEME):
            import pyarrow as pa

            return pa.PythonFile(Path(local_path(self.uri)).open("rb"))
        filesystem, path = filesystem_of(self.uri)
        return filesystem.open_input_file(path)

    def raise_if_storage_fails(self) -> None:
        """Read the file to its end and drop it.

        PyArrow raises OSError for a corrupt file and for an unreachable bucket alike. The first is
        a rejection, the second must stop the run, or a network fault would pass for an empty file.
        """
        with self.open() as handle:
            while handle.read(1 << 24):
                pass


def local_path(uri: str) -> str:
    """The path of a local file's address, with what is not UTF-8 in it as Python has it."""
    if uri.startswith(LOCAL_SCHEME):
        return os.fsdecode(unquote_to_bytes(uri.removeprefix(LOCAL_SCHEME)))
    return uri


def local_file(name: str, path: Path) -> SourceFile:
    """A local file under ``name``; its digest is known, or taken by reading it (about 1 GB/s)."""
    digest = known_digest(path)
    return SourceFile(name=name, uri=str(path), bytes=path.stat().st_size, digest=digest)


def remote_file(name: str, uri: str, size: int) -> SourceFile:
    """A remote file under ``name``: its ETag, or the digest of its content where there is none."""
    filesystem, path = filesystem_of(uri)
    with filesystem.open_input_stream(path) as stream:
        metadata = {key.lower(): value for key, value in (stream.metadata() or {}).items()}
        if "etag" in metadata:
            digest = "etag:" + metadata["etag"].decode().strip('"')
        else:
            content = _blake2b()
            while block := stream.read(1 << 20):
                content.update(block)
            digest = content.hexdigest()
    return SourceFile(name=name, uri=uri, bytes=size, digest=digest)


_blake2b: Callable[[], blake2b] = lambda: blake2b(digest_size=16)  # noqa: E731
