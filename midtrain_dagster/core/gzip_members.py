"""The members of a gzip file (RFC 1952), read one by one, and where the next one may begin.

Members are inflated bare and their checks made here: zlib's own gzip mode drops what it has
inflated when a member's check fails, and does not say where the member ended.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator

from midtrain_dagster.core.member_fault import MemberFault
from midtrain_dagster.core.packed_input import PackedInput

_FIRST_READ, _READ = 1 << 13, 1 << 16
"""Bytes inflated at a time. What follows a member is copied, and many are small."""
_OUTPUT = 1 << 20
"""Bytes inflated at a time: a few kilobytes may expand a thousandfold."""
_LONGEST_HEADER = 1 << 17
_TRIED = 1 << 12
"""Bytes that are inflated to see whether a member begins."""
_HAS_CHECK, _HAS_EXTRA, _HAS_NAME, _HAS_COMMENT = 2, 4, 8, 16
_MAGIC = b"\x1f\x8b\x08"
_TRAILER = struct.Struct("<II")
_BEGINS = re.compile(rb"\x1f\x8b\x08[\x00-\x1f].{4}[\x00\x02\x04]", re.DOTALL)


class GzipMembers:
    """Reads the members of a gzip file."""

    suffix = ".gz"
    magic = _BEGINS
    """What a member may begin with."""

    def read(self, stream: PackedInput) -> Iterator[bytes]:
        """What one member holds; the stream is behind it then. Raises MemberFault."""
        _skip_header(stream)
        inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        check = size = 0
        packed = _FIRST_READ
        while not inflater.eof:
            data = stream.read(packed)
            packed = _READ
            if not data:
                raise MemberFault("the .gz data ends in the middle", cut=True)
            while data and not inflater.eof:
                try:
                    output = inflater.decompress(data, _OUTPUT)
                except zlib.error as error:
                    raise MemberFault(f"the .gz data is corrupt: {error}") from error
                data = inflater.unconsumed_tail
                if output:
                    check = zlib.crc32(output, check)
                    size += len(output)
                    yield output
        unused = inflater.unused_data
        trailer = unused[:8]
        if len(trailer) < 8:
            stream.seek(stream.tell() - len(unused))
            trailer = stream.read(8)
        else:
            stream.seek(stream.tell() - len(unused) + 8)
        if len(trailer) < 8:
            raise MemberFault("the .gz data ends in the middle", cut=True)
        if trailer != _TRAILER.pack(check, size & 0xFFFFFFFF):
            reason = "the .gz data is corrupt: its checksum is another"
            raise MemberFault(reason, end=stream.tell())

    def begins(self, data: bytes, as_expected: Callable[[bytes], bool]) -> bool:
        """Whether a member begins with ``data`` whose first bytes are ``as_expected``."""
        try:
            start = _header_bytes(data)
            inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
            output = inflater.decompress(data[start : start + _TRIED], 64)
        except (MemberFault, zlib.error):
            return False
        return bool(output) and as_expected(output)

    def beginning(self, stream: PackedInput) -> bytes:
        """What can be inflated of the member here, byte by byte where it breaks."""
        output = bytearray()
        try:
            _skip_header(stream)
        except MemberFault:
            return b""
        inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        while not inflater.eof and (data := stream.read(_FIRST_READ)):
            before = inflater.copy()
            try:
                output += inflater.decompress(data)
            except zlib.error:
                for number in range(len(data)):
                    try:
                        output += before.decompress(data[number : number + 1])
                    except zlib.error:
                        break
                break
        return bytes(output)


def _skip_header(stream: PackedInput) -> None:
    head = stream.peek(10)
    if head[:3] != _MAGIC or len(head) < 10 or head[3]:
        head = stream.peek(_LONGEST_HEADER)
        stream.seek(stream.tell() + _header_bytes(head))
    else:
        stream.seek(stream.tell() + 10)


def _header_bytes(head: bytes) -> int:
    """How long a member's header is. Raises MemberFault where there is none."""
    if head[:3] != _MAGIC[: len(head)] or (len(head) > 3 and head[3] & 0xE0):
        raise MemberFault("the .gz data is corrupt: no member begins here")
    end = 10
    flags = head[3] if len(head) > 3 else 0
    if flags & _HAS_EXTRA:
        end += 2 + int.from_bytes(head[10:12], "little")
    for flag in (_HAS_NAME, _HAS_COMMENT):
        if flags & flag:
            end = head.find(b"\0", end) + 1
            if not end and len(head) == _LONGEST_HEADER:
                raise MemberFault("the .gz data is corrupt: a header without an end")
            end = end or len(head) + 1
    end += 2 if flags & _HAS_CHECK else 0
    if end > len(head):
        raise MemberFault("the .gz data ends in the middle", cut=True)
    return end
