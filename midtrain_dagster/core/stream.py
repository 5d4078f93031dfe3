"""A file's bytes in order, decompressed on the way, with breaks told apart from ends.

The suffix decides: ``.gz`` (RFC 1952), ``.zst`` (RFC 8878), anything else plain. Members and
frames may follow one another, as WARC files and ``cat a.gz b.gz`` have them. The usual stream
classes end quietly at a truncated zstd frame and drop the last block before a gzip error; this one
gives every byte before the break and then raises ``BrokenStream``.
"""

import io
import zlib
from typing import Any, Protocol, cast

from midtrain_dagster.core.source_file import Piece, SourceFile

# Input is fed in small blocks, because one block may expand a thousandfold and more.
_BLOCK = 1 << 13

COMPRESSIONS = (".gz", ".zst")
"""The suffixes of what is unpacked on the way."""


class BrokenStream(ValueError):  # noqa: N818
    """Compressed data that is corrupt or ends too early."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes) -> bytes: ...


def open_stream(file: SourceFile) -> io.BufferedReader:
    """The decompressed bytes of ``file``; reading raises BrokenStream where they break off."""
    raw: Any = file.open()
    if file.piece is not None:
        return io.BufferedReader(_Stretch(raw, file.piece), 1 << 16)
    name = file.name.lower()
    if name.endswith(COMPRESSIONS):
        raw = _Decompressed(raw, name.rpartition(".")[2])
    return io.BufferedReader(raw, 1 << 16)


class _Stretch(io.RawIOBase):
    """The bytes of one piece of a file that is not compressed."""

    def __init__(self, file: Any, piece: Piece):
        self._file = file
        self._left = piece.stop - piece.start
        file.seek(piece.start)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        size = self._file.readinto(memoryview(buffer)[: self._left])
        self._left -= size
        return size


class _Decompressed(io.RawIOBase):
    """Decompressed bytes of one compressed stream."""

    def __init__(self, compressed: Any, suffix: str):
        self._compressed = compressed
        self._suffix = suffix
        self._decompressor: _Decompressor | None = None
        self._input = b""
        self._output = memoryview(b"")
        self._break: BrokenStream | None = None

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._compressed.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        if not self._output:
            self._output = memoryview(self._next_block())
        size = min(len(buffer), len(self._output))
        buffer[:size] = self._output[:size]
        self._output = self._output[size:]
        return size

    def _next_block(self) -> bytes:
        """Some more bytes, or none at the end."""
        while True:
            data = self._input or self._compressed.read(_BLOCK)
            self._input = b""
            if not data:
                if self._decompressor is not None:
                    raise BrokenStream(f"the .{self._suffix} data ends in the middle")
                return b""
            if self._decompressor is None:
                # gzip allows zero bytes as padding after a member, as tapes have them.
                data = data.lstrip(b"\0") if self._suffix == "gz" else data
                if not data:
                    continue
                self._decompressor = self._new_decompressor()
            try:
                output = self._decompressor.decompress(data)
            except _errors() as error:
                raise BrokenStream(f"the .{self._suffix} data is corrupt: {error}") from error
            if self._decompressor.eof:
                self._input = self._decompressor.unused_data
                self._decompressor = None
            if output:
                return output

    def _new_decompressor(self) -> _Decompressor:
        if self._suffix == "gz":
            return zlib.decompressobj(wbits=31)
        from zstandard import ZstdDecompressor

        return cast(_Decompressor, ZstdDecompressor().decompressobj())


def _errors() -> tuple[type[Exception], ...]:
    from zstandard import ZstdError

    return (zlib.error, ZstdError)
