"""What a compressed file holds, member by member, beyond whatever of it is damaged.

Members (of gzip) and frames (of zstd) follow one another, as WARC files, ``bgzip``, ``pzstd`` and
``cat a.gz b.gz`` have them; both are called members here. One that is damaged costs itself: reading
goes on where it ends, or at the next place where a member begins.

A flipped bit often unpacks to other text, and only the checksum at a member's end tells. So a
member is held back until its end, up to ``HELD`` bytes; what is larger is given as it comes, and a
fault found afterwards says how much was given. Padding between members (zero bytes, line ends) is
passed over.

Time is linear in the file's size, whatever it holds: once ``_AGAIN`` times the file has been
unpacked in vain, no byte is tried twice.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from midtrain_dagster.core.gzip_members import GzipMembers
from midtrain_dagster.core.member_fault import MemberFault
from midtrain_dagster.core.packed_input import PackedInput
from midtrain_dagster.core.zstd_frames import ZstdFrames

HELD = 1 << 24
"""Bytes of a member, unpacked, that are held until its checksum is known."""

_PADDING = b"\0\t\r\n "
_LOOK_BACK = 1 << 20
"""Bytes before a fault in which the next member may have begun: behind a member that is cut short
the next one is taken for its rest, until something does not fit."""
_AGAIN = 4
_AGAIN_AT_LEAST = 1 << 26
_OVERRUN_TRIED = 8
_SEARCHED = 1 << 18
_HEAD = 1 << 13
"""Bytes of what may be a member that are looked at."""


class Block(NamedTuple):
    """Some bytes in order."""

    data: bytes
    packed: int
    """Bytes of the file that they were."""
    begins: bool
    """Whether a member begins with them."""


class Damage(NamedTuple):
    """A stretch of the file that gave nothing, or nothing more."""

    start: int
    """Where it begins in the file: the beginning of a member, or where what was given ends."""
    stop: int
    """Where reading goes on."""
    reason: str
    cut: bool
    """Whether the file just ends there, in the middle of a member that is good so far."""
    whole_members: int
    """How many members it is, where that is known; 0 where a search had to find the next."""
    given: int
    """Bytes of the damaged member that were given before."""
    beginning: bytes
    """What could be unpacked of a member that was held back; any of it may be wrong."""


class Format(Protocol):
    """A format of compressed files, which has members."""

    suffix: str
    magic: re.Pattern[bytes]

    def read(self, stream: PackedInput) -> Iterator[bytes]:
        """What one member holds, the stream being behind it then. Raises MemberFault."""

    def begins(self, data: bytes, as_expected: Callable[[bytes], bool]) -> bool:
        """Whether a member begins with these bytes, whose first bytes are as expected."""

    def beginning(self, stream: PackedInput) -> bytes:
        """What can be unpacked of a damaged member."""


FORMATS: dict[str, Callable[[], Format]] = {".gz": GzipMembers, ".zst": ZstdFrames}
"""By suffix."""


def members(
    stream: PackedInput,
    format: Format,
    as_expected: Callable[[bytes], bool] = lambda _: True,
) -> Iterator[Block | Damage]:
    """The blocks of a compressed stream, and what of it is damaged, in order.

    ``as_expected`` says of the first bytes of a member whether they may be some: where a search has
    to find the next one, this tells it from what only looks like one. Raises OSError when the
    storage fails.
    """
    furthest = tried = 0
    while (start := _behind_padding(stream)) is not None:
        held = _Held(start)
        try:
            for data in format.read(stream):
                yield from held.add(data, stream.tell())
            yield from held.end(stream.tell())
            continue
        except MemberFault as fault:
            found = fault
        # A cut header is met before anything of it is read.
        seen = stream.tell() if not found.cut else stream.seek_end()
        tried += seen - start
        furthest = max(furthest, seen)
        at_end = found.end is not None and (
            _ends_at(stream, found.end) or _begins_at(stream, found.end, format, as_expected)
        )
        stop: int | None
        overrun = _overrun(stream, start, found.end, format, as_expected) if at_end else None
        if overrun is not None:
            at_end, stop = False, overrun
        elif at_end:
            stop = found.end
        elif tried > _AGAIN * furthest + _AGAIN_AT_LEAST:
            stop = _next(stream, furthest, format, as_expected)
        else:
            stop = _next(stream, max(start + 1, seen - _LOOK_BACK), format, as_expected)
        cut = found.cut and stop is None
        if cut:
            yield from held.end(seen)
        beginning = b""
        if not cut and not held.given:
            stream.seek(start)
            beginning = format.beginning(stream)
        if stop is None:
            stop = stream.seek_end()
        given = held.given
        yield Damage(
            held.stop if given else start, stop, str(found), cut, int(at_end), given, beginning
        )
        stream.seek(stop)


class _Held:
    """What of a member is held back until its end."""

    def __init__(self, start: int):
        self.stop = start
        self.size = 0
        self.given = 0
        self._data: list[bytes] = []

    def add(self, data: bytes, stop: int) -> Iterator[Block]:
        self._data.append(data)
        self.size += len(data)
        if self.size > HELD:
            yield from self.end(stop)

    def end(self, stop: int) -> Iterator[Block]:
        data, self._data = b"".join(self._data), []
        if data or stop > self.stop:
            yield Block(data, stop - self.stop, not self.given)
        self.given += len(data)
        self.stop = stop


def _behind_padding(stream: PackedInput) -> int | None:
    """Where what is no padding begins; None at the end."""
    while block := stream.peek(256):
        if block[0] not in _PADDING:
            return stream.tell()
        rest = block.lstrip(_PADDING)
        stream.seek(stream.tell() + len(block) - len(rest))
    return None


def _ends_at(stream: PackedInput, place: int) -> bool:
    stream.seek(place)
    return _behind_padding(stream) is None


def _begins_at(
    stream: PackedInput, place: int, format: Format, as_expected: Callable[[bytes], bool]
) -> bool:
    stream.seek(place)
    head = stream.read(_HEAD)
    return format.magic.match(head) is not None and format.begins(head, as_expected)


def _overrun(
    stream: PackedInput,
    start: int,
    end: int | None,
    format: Format,
    as_expected: Callable[[bytes], bool],
) -> int | None:
    """Where a good member begins that a damaged one ran over, up to the end of both.

    Codes fall into step again: of two members with the same codes, as small ones have them, the
    first may be cut short and still end where the second does.
    """
    place = start + 1
    if end is None or end - start > _LOOK_BACK:
        return None
    for _ in range(_OVERRUN_TRIED):
        at = _next(stream, place, format, as_expected)
        if at is None or at >= end:
            return None
        stream.seek(at)
        try:
            for _ in format.read(stream):
                pass
            if stream.tell() == end:
                return at
        except MemberFault:
            pass  # it only looked like one
        place = at + 1
    return None


def _next(
    stream: PackedInput, place: int, format: Format, as_expected: Callable[[bytes], bool]
) -> int | None:
    """The first place from ``place`` on where a member begins."""
    stream.seek(place)
    data = stream.read(_SEARCHED + _HEAD)
    while data:
        for found in format.magic.finditer(data, 0, _SEARCHED + 8):
            at = found.start()
            if at < _SEARCHED and format.begins(data[at : at + _HEAD], as_expected):
                return place + at
        place += _SEARCHED
        data = data[_SEARCHED:]
        data += stream.read(_SEARCHED)
    return None
