"""The frames of a zstd file (RFC 8878), read block by block, and where the next one may begin.

A frame's blocks say how long they are, so a frame whose content is corrupt still tells where it
ends, and no more than a block (128 KiB) is unpacked at a time, however well it is compressed.

Windows of any size up to 2 GiB (``--long=31``) are read, and cost that much memory. A dictionary is
found where the WARC specification for zstd puts it: in a skippable frame at the beginning of the
file. Frames that need another are faults that name it, and so are those of zstd before 1.0.
"""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from midtrain_dagster.core.member_fault import MemberFault
from midtrain_dagster.core.packed_input import PackedInput

if TYPE_CHECKING:
    from zstandard import ZstdCompressionDict, ZstdDecompressor

LARGEST_WINDOW = 1 << 31
"""Bytes; the library's limit, and that of ``zstd --long=31``."""

_MAGIC = b"\x28\xb5\x2f\xfd"
_DICTIONARY_MAGIC = 0x184D2A5D
_LARGEST_DICTIONARY = 1 << 26
_OLD_MAGIC = re.compile(rb"[\x22-\x27]\xb5\x2f\xfd|\x1e\xb5\x2f\xfd")
_LONGEST_HEADER = 18
_LARGEST_BLOCK = 1 << 17
_RUN, _COMPRESSED = 1, 2


class _Header(NamedTuple):
    bytes: int
    window: int
    dictionary: int
    has_checksum: bool


class ZstdFrames:
    """Reads the frames of a zstd file."""

    suffix = ".zst"
    magic = re.compile(re.escape(_MAGIC))
    """What a frame begins with."""

    def __init__(self) -> None:
        self._dictionary: ZstdCompressionDict | None = None
        self._usual: ZstdDecompressor | None = None

    def read(self, stream: PackedInput) -> Iterator[bytes]:
        """What one frame holds; the stream is behind it then. Raises MemberFault."""
        from zstandard import ZstdError

        start = stream.tell()
        head = stream.peek(_LONGEST_HEADER)
        if (skippable := _skippable(head)) is not None:
            self._skip(stream, start, *skippable)
            return
        header = _header(head)
        unpacker = self._decompressor(header).decompressobj()
        try:
            yield from _unpacked(unpacker.decompress, stream, header)
        except ZstdError as error:
            self._usual = None
            reason = f"the .zst data is corrupt: {_plainly(error)}"
            if header.dictionary and not self._has(header.dictionary):
                reason = f"the .zst data needs dictionary {header.dictionary}, which is not there"
            raise MemberFault(reason, end=_end(stream, start, header)) from error
        except MemoryError as error:
            reason = f"the .zst data needs a window of {header.window} bytes of memory"
            raise MemberFault(reason, end=_end(stream, start, header)) from error

    def begins(self, data: bytes, as_expected: Callable[[bytes], bool]) -> bool:
        """Whether a frame begins with ``data`` whose first bytes are ``as_expected``."""
        from zstandard import ZstdError

        try:
            header = _header(data[:_LONGEST_HEADER])
            _, kind, size = _block(data[header.bytes : header.bytes + 3])
        except MemberFault:
            return False
        if header.dictionary and not self._has(header.dictionary):
            return True
        stop = header.bytes + 3 + (1 if kind == _RUN else size)
        try:
            output = self._decompressor(header).decompressobj().decompress(data[:stop])
        except (ZstdError, MemoryError):
            return False
        # A block that is longer than what was looked at gives nothing yet.
        return as_expected(output[:64]) if output else stop > len(data)

    def beginning(self, stream: PackedInput) -> bytes:
        """What can be unpacked of the frame here, up to the block that breaks."""
        output = bytearray()
        try:
            for block in self.read(stream):
                output += block
        except MemberFault:
            pass  # the caller has met it before and tells it
        return bytes(output)

    def _decompressor(self, header: _Header) -> "ZstdDecompressor":
        from zstandard import ZstdDecompressor

        if header.dictionary and not self._has(header.dictionary):
            return ZstdDecompressor(max_window_size=LARGEST_WINDOW)
        if self._usual is None:
            self._usual = ZstdDecompressor(
                dict_data=self._dictionary, max_window_size=LARGEST_WINDOW
            )
        return self._usual

    def _has(self, dictionary: int) -> bool:
        return self._dictionary is not None and self._dictionary.dict_id() == dictionary

    def _skip(self, stream: PackedInput, start: int, magic: int, size: int) -> None:
        """Pass a skippable frame; one with a dictionary at the file's beginning is kept."""
        stream.seek(start + 8)
        if start == 0 and magic == _DICTIONARY_MAGIC and size <= _LARGEST_DICTIONARY:
            data = stream.read(size)
            if len(data) == size:
                self._dictionary, self._usual = _dictionary(data), None
        if size:
            stream.seek(start + 8 + size - 1)
            if not stream.read(1):
                raise MemberFault("the .zst data ends in the middle", cut=True)


def _dictionary(data: bytes) -> "ZstdCompressionDict":
    """A file's dictionary, which may be compressed itself. Raises MemberFault."""
    from zstandard import ZstdCompressionDict, ZstdDecompressor, ZstdError

    try:
        if data.startswith(_MAGIC):
            with ZstdDecompressor().stream_reader(data) as reader:
                data = reader.read(_LARGEST_DICTIONARY)
        return ZstdCompressionDict(data)
    except (ZstdError, MemoryError) as error:
        raise MemberFault(f"the dictionary of the .zst data is corrupt: {error}") from error


def _skippable(head: bytes) -> tuple[int, int] | None:
    """The magic number and size of a skippable frame, if one begins here."""
    magic = int.from_bytes(head[:4], "little")
    if len(head) < 8 or magic & 0xFFFFFFF0 != 0x184D2A50:
        return None
    return magic, int.from_bytes(head[4:8], "little")


def _header(head: bytes) -> _Header:
    """A frame's header (RFC 8878, section 3.1.1.1). Raises MemberFault where there is none."""
    from zstandard import ZstdError, get_frame_parameters

    if old := _OLD_MAGIC.match(head):
        version = {0x1E: 1}.get(old[0][0], old[0][0] - 0x20)
        raise MemberFault(
            f"the .zst data is of zstd 0.{version}, before its format was settled: unpack it with "
            "a zstd that was built for old formats (ZSTD_LEGACY_SUPPORT=1)"
        )
    if not head.startswith(_MAGIC[: len(head)]):
        raise MemberFault("the .zst data is corrupt: no frame begins here")
    try:
        found = get_frame_parameters(head)
    except ZstdError as error:
        cut = len(head) < _LONGEST_HEADER
        reason = "the .zst data ends in the middle" if cut else f"the .zst data is corrupt: {error}"
        raise MemberFault(reason, cut=cut) from error
    descriptor = head[4]
    single = bool(descriptor & 0x20)
    content_size = (int(single), 2, 4, 8)[descriptor >> 6]
    size = 5 + (not single) + (0, 1, 2, 4)[descriptor & 3] + content_size
    return _Header(size, found.window_size, found.dict_id, found.has_checksum)


def _block(head: bytes) -> tuple[bool, int, int]:
    """Whether it is the last, the type and the size of a block. Raises MemberFault."""
    if len(head) < 3:
        raise MemberFault("the .zst data ends in the middle", cut=True)
    fields = int.from_bytes(head, "little")
    last, kind, size = bool(fields & 1), fields >> 1 & 3, fields >> 3
    if kind > _COMPRESSED or size > _LARGEST_BLOCK:
        raise MemberFault("the .zst data is corrupt: no block begins where one should")
    return last, kind, size


def _unpacked(
    decompress: Callable[[bytes], bytes], stream: PackedInput, header: _Header
) -> Iterator[bytes]:
    data = stream.read(header.bytes + 3)
    decompress(data)
    last, kind, size = _block(data[header.bytes :])
    while True:
        # The head of the next block is read with this one.
        length = 1 if kind == _RUN else size
        data = stream.read(length + (0 if last else 3))
        if data and (output := decompress(data)):
            yield output
        if len(data) < length:
            raise MemberFault("the .zst data ends in the middle", cut=True)
        if last:
            break
        last, kind, size = _block(data[length:])
    if header.has_checksum:
        checksum = stream.read(4)
        decompress(checksum)
        if len(checksum) < 4:
            raise MemberFault("the .zst data ends in the middle", cut=True)


def _end(stream: PackedInput, start: int, header: _Header) -> int | None:
    """Where the frame that begins at ``start`` ends by its blocks' sizes, if they are whole."""
    stream.seek(start + header.bytes)
    last = False
    try:
        while not last:
            last, kind, size = _block(stream.read(3))
            stream.seek(stream.tell() + (1 if kind == _RUN else size))
    except MemberFault:
        return None
    end = stream.tell() + (4 if header.has_checksum else 0)
    return end if end <= stream.seek_end() else None


def _plainly(error: Exception) -> str:
    return (
        str(error).removeprefix("zstd decompress error: ").removeprefix("zstd decompressor error: ")
    )
