"""A file's bytes in order, decompressed on the way, with breaks told apart from ends.

The suffix decides: ``.gz`` (RFC 1952), ``.zst`` (RFC 8878), anything else plain. Members and
frames may follow one another, as WARC files and ``cat a.gz b.gz`` have them. Two ways to read:
``open_stream`` is a stream for what has to be whole, and raises ``BrokenStream`` at the first
damage, behind every byte that is good; ``blocks`` goes on beyond it, and says what was lost.
"""

import io
from collections.abc import Callable, Iterator
from typing import Any

from midtrain_dagster.core.members import FORMATS, Block, Damage, members
from midtrain_dagster.core.packed_input import PackedInput
from midtrain_dagster.core.source_file import Piece, SourceFile

COMPRESSIONS = (".gz", ".zst")
"""The suffixes of what is unpacked on the way."""

READ_BYTES = 1 << 16
_PLAIN_BYTES = 1 << 18


class BrokenStream(ValueError):  # noqa: N818
    """Compressed data that is corrupt or ends too early."""


def compression(name: str) -> str | None:
    """The suffix of a file's compression, if its name has one."""
    return next((each for each in COMPRESSIONS if name.lower().endswith(each)), None)


def open_stream(file: SourceFile) -> io.BufferedReader:
    """The decompressed bytes of ``file``; reading raises BrokenStream where they break off."""
    suffix = compression(file.name)
    if suffix is None or file.piece is not None:
        return _plain_stream(file)
    return io.BufferedReader(_Unpacked(PackedInput(file.open()), suffix), READ_BYTES)


def blocks(
    file: SourceFile,
    suffix: str | None,
    as_expected: Callable[[bytes], bool] = lambda _: True,
) -> Iterator[Block | Damage]:
    """The bytes of a file with a compression, or of a piece of a plain one, beyond its damages.

    ``as_expected`` is that of ``members``.
    """
    if suffix is not None:
        with PackedInput(file.open()) as packed:
            yield from members(packed, FORMATS[suffix](), as_expected)
        return
    with _plain_stream(file) as stream:
        begins = True
        while data := stream.read(_PLAIN_BYTES):
            yield Block(data, len(data), begins)
            begins = False


def _plain_stream(file: SourceFile) -> io.BufferedReader:
    raw: Any = file.open()
    return io.BufferedReader(_Stretch(raw, file.piece) if file.piece else raw, READ_BYTES)


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


class _Unpacked(io.RawIOBase):
    """The bytes of a compressed stream up to the first damage."""

    def __init__(self, packed: PackedInput, suffix: str):
        self._packed = packed
        self._members = members(packed, FORMATS[suffix]())
        self._output = memoryview(b"")
        self._broken: str | None = None

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._packed.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        while not self._output and self._broken is None:
            match next(self._members, None):
                case Block(data):
                    self._output = memoryview(data)
                case Damage(reason=reason, beginning=beginning):
                    self._broken = reason
                    self._output = memoryview(beginning)
                case None:
                    return 0
        if self._broken is not None and not self._output:
            raise BrokenStream(self._broken)
        size = min(len(buffer), len(self._output))
        buffer[:size] = self._output[:size]
        self._output = self._output[size:]
        return size
