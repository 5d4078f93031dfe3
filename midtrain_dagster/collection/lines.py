"""The lines of a file, compressed or not, with what of it is damaged told between them.

A damaged gzip member or zstd frame costs the lines that it holds. Half a line before it and half a
line behind it never become one; which of the two may be a whole one, the reader of the line can
tell. Lines are counted as they are read, so behind a damage their numbers are too small.

Of a file of one member all lines would be lost by a flipped bit; those before the break are given,
marked by why they are not certain.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple

from midtrain_dagster.collection.damage import Damages
from midtrain_dagster.collection.record import Rejection
from midtrain_dagster.core.members import Block, Damage
from midtrain_dagster.core.source_file import SourceFile
from midtrain_dagster.core.stream import blocks

VERSION = 1


class Lines(NamedTuple):
    """Lines that follow one another, with their ends."""

    number: int
    """Of the first one, from 1."""
    start: int
    """Where it begins, in bytes of what is unpacked."""
    lines: list[bytes]
    may_be_rest: bool = False
    """Whether the line, a single one then, stands behind a damage in which it may have begun."""
    unverified: str = ""
    """Why they may hold wrong characters, if they may."""


def file_lines(file: SourceFile, suffix: str | None, longest: int) -> Iterator[Lines | Rejection]:
    """The lines of a file of a compression, or of a piece of a plain one; empty ones too.

    Rejected are lines of more than ``longest`` bytes, and what is damaged. Raises OSError when the
    storage fails.
    """
    damages = Damages(file.name, "line")
    parted = _Lines(file, longest)
    for block in blocks(file, suffix):
        damages.last = f"line {parted.number}"
        if isinstance(block, Block):
            yield from damages.good(block)
            before = parted.number
            yield from parted.lines(block.data)
            damages.records(parted.number - before)
            continue
        yield from parted.broken(block.reason)
        if damages.nothing_read and block.stop >= file.bytes:
            yield from parted.unverified(block)
            damages.last = f"line {parted.number}"
        yield from damages.add(block)
    yield from parted.last()
    yield from damages.told(at_end=True)


class _Lines:
    """Parts blocks into lines."""

    def __init__(self, file: SourceFile, longest: int):
        self.number = file.piece.before if file.piece else 0
        self._start = file.piece.start if file.piece else 0
        self._name = file.name
        self._longest = longest
        self._held: list[bytes] = []
        self._size = 0
        """Of the line that has begun; what is too long is not held."""
        self._may_be_rest = False

    def lines(self, block: bytes) -> Iterator[Lines | Rejection]:
        """The lines that end in a block."""
        ended = BytesIO(block).readlines()  # three times as fast as bytes.split
        rest = ended.pop() if ended and not ended[-1].endswith(b"\n") else b""
        if ended and (self._size or self._may_be_rest):
            yield self._line(ended.pop(0))
        if len(block) <= self._longest:  # and so is each line
            yield from self._run(ended)
        else:
            for data in ended:
                yield self._line(data)
        if rest:
            self._size += len(rest)
            if self._size <= self._longest:
                self._held.append(rest)
            else:
                self._held.clear()

    def last(self) -> Iterator[Lines | Rejection]:
        """The last line, if no line end follows it."""
        if self._size:
            yield self._line(b"")

    def broken(self, reason: str) -> Iterator[Rejection]:
        """The data break off here; what follows may begin within a line."""
        self._may_be_rest = True
        if self._size:
            self.number += 1
            detail = f"the line breaks off after {self._size} bytes: {reason}"
            yield Rejection(f"{self._name}:{self.number}", "broken_stream", detail)
            self._start += self._size
            self._held, self._size = [], 0

    def unverified(self, damage: Damage) -> Iterator[Lines]:
        """The whole lines of a damaged member."""
        whole = BytesIO(damage.beginning[: damage.beginning.rfind(b"\n") + 1]).readlines()
        for found in self._run(whole):
            yield found._replace(unverified=damage.reason)

    def _run(self, lines: list[bytes]) -> Iterator[Lines]:
        if lines:
            yield Lines(self.number + 1, self._start, lines)
            self.number += len(lines)
            self._start += sum(map(len, lines))

    def _line(self, data: bytes) -> Lines | Rejection:
        self.number += 1
        start, size = self._start, self._size + len(data)
        whole = b"".join((*self._held, data)) if self._held else data
        may_be_rest, self._may_be_rest = self._may_be_rest, False
        self._start += size
        self._held, self._size = [], 0
        if size > self._longest:
            detail = f"a line of {size} bytes at byte {start}"
            return Rejection(f"{self._name}:{self.number}", "too_large", detail)
        return Lines(self.number, start, [whole], may_be_rest)
