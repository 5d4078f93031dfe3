"""The bytes of a compressed file, from any place in it.

``io.BufferedReader`` asks the file below for its position whenever it tells its own, which costs
more than unpacking a small record; and it peeks at what happens to be in its buffer.
"""

from typing import Any

_READ = 1 << 16


class PackedInput:
    """A buffered reader of a file that can seek."""

    def __init__(self, file: Any):
        self._file = file
        self._data = b""
        self._start = 0
        self._at = 0

    def __enter__(self) -> "PackedInput":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def tell(self) -> int:
        """The place of the next byte."""
        return self._start + self._at

    def seek(self, place: int) -> None:
        """Go to a place, which may lie behind the end."""
        at = place - self._start
        if 0 <= at <= len(self._data):
            self._at = at
        else:
            self._file.seek(place)
            self._data, self._start, self._at = b"", place, 0

    def seek_end(self) -> int:
        """Go to the end, and say where that is."""
        self._file.seek(0, 2)
        end = int(self._file.tell())
        self._data, self._start, self._at = b"", end, 0
        return end

    def peek(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer at the end only; the place stays."""
        if self._at + size > len(self._data):
            self._fill(size)
        return self._data[self._at : self._at + size]

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer at the end only."""
        data = self.peek(size)
        self._at += len(data)
        return data

    def _fill(self, size: int) -> None:
        rest = self._data[self._at :]
        pieces, held = [rest], len(rest)
        while held < size and (piece := self._file.read(max(_READ, size - held))):
            pieces.append(piece)
            held += len(piece)
        self._data, self._start, self._at = b"".join(pieces), self._start + self._at, 0
