"""The beginning of a source, read as a run will read it, and what the whole is likely to hold.

About :data:`BYTES` of text are read, from :data:`FILES` files that lie evenly among all: a second
for any corpus. How far a reader came in a file says what share of it that was, compressed or not.
Estimates are of what collection finds; curation drops some of it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pydantic import PrivateAttr

from midtrain_dagster.collection.document_source import DocumentSource
from midtrain_dagster.collection.record import Document, Rejection
from midtrain_dagster.core.source_file import SourceFile

if TYPE_CHECKING:
    from pyarrow import NativeFile

ROWS = 4_000
"""Rows or lines that are read at most: small ones fill a buffer many times over, so that how far
the reader came is known well enough."""
PAGES = 60
"""Documents of other sources, of which each costs an extraction."""
BYTES = 1 << 20
FILE_BYTES_A_BYTE = 4
"""Bytes of a file that are read for a byte of text that is wanted: other columns stand beside."""
FILES = 12
LARGEST_READ_WHOLE = 32 << 20
"""A file above this is passed over where its reader needs all of it for the first document."""


@dataclass
class FirstRows:
    """What was read of a source's beginning."""

    documents: list[Document] = field(default_factory=list)
    rejections: dict[str, list[Rejection]] = field(default_factory=dict)
    """By file, of those that were looked into; also of files without any."""
    found: Counter[str] = field(default_factory=Counter)
    """Documents by file."""
    read_bytes: int = 0
    """Of the files, as they lie there."""
    all_bytes: int = 0
    largest_file: int = 0
    most_documents: int | None = None

    @property
    def text_bytes(self) -> int:
        """UTF-8 bytes of text that were read."""
        return sum(len(document.text.encode("utf-8", "replace")) for document in self.documents)

    @property
    def share(self) -> float:
        """The share of the files' bytes that was read; at least a little of it."""
        return min(1.0, max(1, self.read_bytes) / max(1, self.all_bytes))

    @property
    def about_documents(self) -> float:
        """How many documents there are, by what was read."""
        every = len(self.documents) / self.share
        return every if self.most_documents is None else min(every, self.most_documents)

    @property
    def about_text_bytes(self) -> float:
        """How many bytes of text there are, by what was read."""
        return self.about_documents * self.text_bytes / max(1, len(self.documents))

    @property
    def longest(self) -> float:
        """Bytes of the longest document: of those that were read, or, where each file is one, of
        all by the files' sizes."""
        sizes = [len(document.text.encode("utf-8", "replace")) for document in self.documents]
        if any(document.locator not in self.found for document in self.documents):
            return max(sizes, default=0)
        return max([*sizes, self.largest_file * sum(sizes) / max(1, self.read_bytes)])


class _Followed(SourceFile):
    """A file of which is known how far it was read."""

    _handles: list["NativeFile"] = PrivateAttr(default_factory=list)

    def open(self) -> "NativeFile":
        handle = super().open()
        self._handles.append(handle)
        return handle

    @property
    def position(self) -> int:
        """The bytes that were read by the reader that opened it last; all, where it is through."""
        last = self._handles[-1] if self._handles else None
        return self.bytes if last is None or last.closed else min(self.bytes, last.tell())


def first_rows(
    source: DocumentSource, files: Sequence[SourceFile], max_document_bytes: int
) -> FirstRows:
    """Read the beginning of a source. Raises OSError when the storage fails."""
    rows = FirstRows(
        all_bytes=sum(file.bytes for file in files),
        largest_file=max((file.bytes for file in files), default=0),
        most_documents=source.most_documents,
    )
    chosen = [
        _Followed(**file.model_dump())
        for file in _spread(files, FILES)
        if source.streams or file.bytes <= LARGEST_READ_WHOLE
    ]
    documents, size = ROWS if source.numbered else PAGES, BYTES
    for left, file in zip(range(len(chosen), 0, -1), chosen, strict=True):
        text = max(1, size // left)
        most = _Most(max(1, documents // left), text, FILE_BYTES_A_BYTE * text, max_document_bytes)
        taken = _read(source, file, rows, most)
        documents, size = documents - taken[0], size - taken[1]
    return rows


class _Most(NamedTuple):
    """How much of one file is read."""

    records: int
    text_bytes: int
    file_bytes: int
    document_bytes: int


def _read(source: DocumentSource, file: _Followed, rows: FirstRows, most: _Most) -> tuple[int, int]:
    """Add what a file begins with to ``rows``; returns how many records, and bytes of text."""
    rejections = rows.rejections.setdefault(file.name, [])
    records = size = 0
    reading = source.records_of(file, most.document_bytes)  # kept, for its file to stay open
    for record in reading:
        records += 1
        if isinstance(record, Rejection):
            rejections.append(record)
        elif not record.text or record.text.isspace():
            rejections.append(Rejection(record.locator, "empty", "no visible character"))
        else:
            rows.documents.append(record)
            rows.found[file.name] += 1
            size += len(record.text.encode("utf-8", "replace"))
        enough = size >= most.text_bytes or file.position >= most.file_bytes
        if records >= most.records or enough:
            break
    rows.read_bytes += source.read_so_far(file, records, file.position)
    return records, size


def _spread(files: Sequence[SourceFile], count: int) -> list[SourceFile]:
    """At most ``count`` of the files, evenly among them, without the empty ones."""
    full = [file for file in files if file.bytes]
    step = max(1, len(full) / count)
    return [full[int(number * step)] for number in range(min(count, len(full)))]
