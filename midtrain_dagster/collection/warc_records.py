"""The records of a WARC file (ISO 28500), beyond whatever of it is damaged.

A file is plain, or its records are members of gzip or frames of zstd; what it begins with decides,
else its name. A record ends where its Content-Length says if an empty line follows there, as the
standard wants it, and is trusted then, whatever its content looks like. Where that fails the record
is rejected, and reading goes on at the next version line with a header behind it. So one damaged
record, member or length costs itself. Two limits: a record whose length is wrong and whose content
is a WARC file itself gives the records in it, and of a length far beyond ``longest`` in compressed
data all is lost that it claims, up to the member's end.

A file with no record of the kinds that are wanted, but with documents of another kind, is the
other reader's, and rejected as such.

Of a member that fails its checksum those records are kept whose own ``WARC-Block-Digest`` holds. It
also tells what is damaged where no checksum does, in plain files and in zstd; but only in a file in
which a digest held before, since some programs write none that can be used. Memory is that of a few
records of the longest size; time is linear.
"""

import re
from collections.abc import Iterator, Set

from midtrain_dagster.collection.damage import Damages
from midtrain_dagster.collection.record import Rejection
from midtrain_dagster.collection.warc_record import (
    WarcRecord,
    digest_holds,
    header_fields,
    identifier,
)
from midtrain_dagster.collection.warc_salvage import START, Salvage
from midtrain_dagster.core.members import Block, Damage
from midtrain_dagster.core.source_file import Piece, SourceFile
from midtrain_dagster.core.stream import blocks, compression

VERSION = 2

_VERSION_LINE = re.compile(rb"WARC/(?:1\.\d|0\.1[78])[ \t]*\r?\n")
_LONGEST_START = 128
_HEADER_STOP = re.compile(rb"\r?\n\r?\n|(?P<start>" + START.pattern + rb")")
_LONGEST_HEADER = 1 << 20
_LONGEST_BLANK = 1 << 16
_DIGESTS_TRIED = 20
"""Records of which no digest holds until no more are computed: the program writes other ones."""
_TYPES = {
    *("warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion"),
    "continuation",
}
_READERS = {"response": "warc", "resource": "warc", "conversion": "wet"}
"""By the type of a record that is a document."""
_BLANK = b"\r\n\t \0"
_FILLED = re.compile(rb"[^\r\n\t \0]")
_TRAILER = b"\r\n\r\n"
_HEAD = 512
_LOOKED_OVER = 4
"""Of a length beyond ``longest``, in compressed data, so many times that much is held: should the
length be wrong, the records in that are found."""


def warc_records(
    file: SourceFile, kinds: Set[str], longest: int
) -> Iterator[WarcRecord | Rejection]:
    """The records of some ``WARC-Type``, and what of the file is damaged, in order.

    A content block of more than ``longest`` bytes is rejected. Raises OSError when the storage
    fails.
    """
    with file.open() as handle:
        head = bytes(handle.read(_HEAD))
    return iter(_Scanner(file, _suffix(file.name, head), kinds, longest))


def _suffix(name: str, head: bytes) -> str | None:
    if head.startswith(b"\x1f\x8b"):
        return ".gz"
    if head.startswith(b"\x28\xb5\x2f\xfd") or re.match(rb"[\x50-\x5f]\x2a\x4d\x18", head):
        return ".zst"
    return None if head.lstrip(_BLANK).startswith(b"WARC/") else compression(name)


def _is_start(data: bytes) -> bool:
    return data.lstrip(_BLANK).startswith(b"WARC/")


class _Scanner:
    """Parses runs: stretches without damage that begin with a record, such as a member."""

    def __init__(self, file: SourceFile, suffix: str | None, kinds: Set[str], longest: int):
        self._file = file
        self._kinds = kinds
        self._met: set[str] = set()
        self._number = 0
        self._longest = longest
        self._is_plain = suffix is None
        self._blocks = blocks(file, suffix, _is_start)
        self._damages = Damages(file.name, "record")
        self._told: list[Rejection] = []
        self._next: Block | Damage | None = None
        self._data = bytearray()
        self._at = 0
        self._read = 0
        self._records = 0
        self._ends_exactly = False
        self._digests_hold = False
        self._digests_left = 0 if suffix == ".gz" else _DIGESTS_TRIED

    def __iter__(self) -> Iterator[WarcRecord | Rejection]:
        while (item := self._peek()) is not None:
            if isinstance(item, Damage):
                self._next = None
                salvage = Salvage(self._file.name, self._kinds, self._longest)
                yield from salvage.records(item.beginning)
                yield from self._damages.add(item, salvage.known, salvage.bytes)
            else:
                yield from self._run()
        yield from self._damages.told(at_end=True)
        readers = {_READERS[kind] for kind in self._met if kind in _READERS}
        if readers and not self._met & self._kinds:
            detail = (
                f"no record is a {' or '.join(sorted(self._kinds))}: say reader: {readers.pop()}"
            )
            yield Rejection(self._file.name, "unreadable_file", detail)

    def _peek(self) -> Block | Damage | None:
        if self._next is None:
            self._next = next(self._blocks, None)
        return self._next

    def _more(self) -> bool:
        """Add the run's next block to its data; False at the run's end."""
        item = self._peek()
        if not isinstance(item, Block) or (self._data and item.begins and _is_start(item.data)):
            return False
        self._told += self._damages.good(item)
        self._data += item.data
        self._read += len(item.data)
        self._next = None
        return True

    def _has(self, stop: int) -> bool:
        """Whether the run's data reach up to a place in the buffer."""
        while len(self._data) < stop:
            if not self._more():
                return False
        return True

    def _run(self) -> Iterator[WarcRecord | Rejection]:
        self._data.clear()
        self._at = 0
        while True:
            del self._data[: self._at]
            self._at = 0
            self._pass_blank()
            found = self._at < len(self._data)
            if found:
                self._has(self._at + _LONGEST_START)
            yield from self._told
            self._told.clear()
            if not found:
                return
            if _VERSION_LINE.match(self._data, self._at):
                yield from self._record()
            else:
                yield self._lost(self._find(), "that begin no record")

    def _behind_blank(self, at: int) -> int:
        """Where what is not blank begins, from a place on; the end of the data if nowhere near."""
        while True:
            if found := _FILLED.search(self._data, at):
                return found.start()
            if len(self._data) - at > _LONGEST_BLANK or not self._more():
                return len(self._data)

    def _pass_blank(self) -> None:
        """Go to what is not blank, or the run's end."""
        while True:
            if found := _FILLED.search(self._data, self._at):
                self._at = found.start()
                return
            self._data.clear()
            self._at = 0
            if not self._more():
                return

    def _find(self) -> int:
        """Go to the next record of the run, or its end; returns how many bytes are passed."""
        passed = 0
        while True:
            if found := START.search(self._data, self._at):
                passed += found.start() - self._at
                self._at = found.start()
                return passed
            kept = max(self._at, len(self._data) - _LONGEST_START)
            passed += kept - self._at
            del self._data[:kept]
            self._at = 0
            if not self._more():
                passed += len(self._data)
                self._at = len(self._data)
                return passed

    def _lost(self, size: int, what: str) -> Rejection:
        """Bytes that are no record, as so many of them as they would be on average."""
        at_end = self._at == len(self._data) and self._peek() is None
        if not self._records and at_end:
            return Rejection(self._file.name, "broken_stream", f"{size} bytes {what}")
        mean = (self._read - len(self._data)) / max(1, self._records)
        number = max(1, round(size / mean)) if self._records else 1
        detail = f"about {number} record{'s' if number > 1 else ''} in {size} bytes {what}"
        place = f"{self._file.name}:after {self._damages.last}"
        return Rejection(place, "damaged_data", detail, number)

    def _record(self) -> Iterator[WarcRecord | Rejection]:
        """The record here, if it is wanted; goes behind it, or to the next one."""
        end = self._header_end()
        if end is None:
            self._at += 5
            yield self._lost(5 + self._find(), "of a header that breaks off")
            return
        headers = header_fields(bytes(self._data[self._at : end[0]]))
        start = end[1]
        self._number += 1
        name = identifier(headers) or f"record {self._number}"
        locator = f"{self._file.name}:{name}"
        kind = headers.get("warc-type", "").lower()
        # What no standard knows was another word before a bit flipped; it is told and not read.
        wanted = kind in self._kinds or kind not in _TYPES
        self._met.add(kind)
        length = headers.get("content-length", "").strip()
        fault = None
        if not length.isascii() or not length.isdigit():
            given = (
                f"Content-Length is {length!r}" if length else "the record has no Content-Length"
            )
            fault = f"{given}, which tells not where it ends"
        elif (size := int(length[:18])) > self._longest:
            fault = self._jump(start, size)
            if fault is None and wanted:
                yield Rejection(locator, "too_large", f"{size} bytes")
        else:
            fault = self._ends(start, size)
            if fault is None:
                self._at = start + size
                if kind not in _TYPES:
                    yield Rejection(locator, "broken_stream", f"an unknown WARC-Type, {kind!r}")
                elif wanted:
                    block = bytes(memoryview(self._data)[start : start + size])
                    yield self._checked(locator, WarcRecord(name, headers, block))
        self._damages.last = name
        if fault is not None:
            if wanted:
                yield Rejection(locator, "broken_stream", fault)
            self._at = max(self._at, min(start, len(self._data)))
            self._find()

    def _checked(self, locator: str, record: WarcRecord) -> WarcRecord | Rejection:
        """The record, if its digest does not say that it is damaged."""
        self._records += 1
        self._damages.records(1)
        if self._digests_left and (holds := digest_holds(record)) is not None:
            if self._digests_hold and not holds:
                detail = "the data is corrupt: its WARC-Block-Digest is another"
                return Rejection(locator, "broken_stream", detail)
            self._digests_hold |= holds
            self._digests_left -= not self._digests_hold
        return record

    def _header_end(self) -> tuple[int, int] | None:
        """Where the header that begins here ends, and where its block begins; None where another
        record or the data's end comes first."""
        at = self._at + 5
        while True:
            if found := _HEADER_STOP.search(self._data, at):
                return None if found.group("start") else found.span()
            at = max(at, len(self._data) - _LONGEST_START)
            if len(self._data) - self._at > _LONGEST_HEADER or not self._more():
                return None

    def _ends(self, start: int, size: int) -> str | None:
        """Why a block of this size does not end where it should; None where it does."""
        stop = start + size
        if not self._has(stop + len(_TRAILER)) and len(self._data) < stop:
            return f"the record ends {stop - len(self._data)} bytes too early"
        tail = bytes(self._data[stop : stop + len(_TRAILER)])
        behind = self._behind_blank(stop)
        self._has(behind + _LONGEST_START)
        at_end = behind == len(self._data)
        ahead = self._peek() if at_end else None
        if isinstance(ahead, Damage) and ahead.given and not ahead.cut:
            return "its compressed data is corrupt"
        follows = at_end or _VERSION_LINE.match(self._data, behind) is not None
        if tail == _TRAILER:
            good = follows or not START.search(self._data, start, stop)
            self._ends_exactly |= good
        else:
            may_be_cut = at_end and ahead is None and _TRAILER.startswith(tail)
            good = follows and (may_be_cut or not self._ends_exactly)
        return None if good else f"Content-Length is {size}, but no record ends there"

    def _jump(self, start: int, size: int) -> str | None:
        """Go behind a block that is too large to be held; returns why that cannot be."""
        if self._is_plain:
            place = self._read - len(self._data) + start + size
            if place > self._file.bytes:
                return f"the record ends {place - self._file.bytes} bytes too early"
            with self._file.open() as handle:
                handle.seek(place)
                tail = bytes(handle.read(_LONGEST_START))
            if not tail.startswith(_TRAILER) and not _is_start(tail):
                return f"Content-Length is {size}, but no record ends there"
            rest = Piece(start=place, stop=self._file.bytes, before=0)
            self._blocks = blocks(self._file.model_copy(update={"piece": rest}), None)
            self._next = None
            self._data.clear()
            self._at, self._read = 0, place
            return None
        stop = start + size
        while len(self._data) < stop:
            if not self._more():
                return f"the record ends {stop - len(self._data)} bytes too early"
            if len(self._data) > _LOOKED_OVER * self._longest:
                dropped = len(self._data) - 1
                del self._data[:dropped]
                stop, self._at = stop - dropped, 0
        self._at = stop
        return None
