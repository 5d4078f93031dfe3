"""One unit of files in, its documents and rejections out: what all readers share.

A reader says what it found; here every document is checked, gets its id, and goes into a table.
Tables are given out as they fill, so memory grows with a part and not with the files. The result
depends on nothing but the section, the files' names and their content. What became of each file's
records is counted before a sample is taken of them.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from heapq import nsmallest
from typing import NamedTuple

import polars as pl

from midtrain_dagster.collection.document_source import DocumentSource, Reading
from midtrain_dagster.collection.outcomes import DOCUMENT, Outcomes
from midtrain_dagster.collection.record import Record, Rejection
from midtrain_dagster.collection.tables import Tables
from midtrain_dagster.core.causes import Versions, versions_of
from midtrain_dagster.core.in_place import InPlace
from midtrain_dagster.core.schema import DOCUMENTS, REJECTIONS, document_ids
from midtrain_dagster.core.source_file import SourceFile

VERSION = 3


def versions(source: DocumentSource) -> Versions:
    """The versions of what reads this source: this module, the reader, and what it asks for."""
    return versions_of(sys.modules[__name__], sys.modules[type(source).__module__], *source.uses())


def read(
    source_name: str,
    source: DocumentSource,
    files: Sequence[SourceFile],
    *,
    part_bytes: int,
    max_document_bytes: int,
    benchmark_items: pl.DataFrame | None = None,
    block_files: Mapping[str, SourceFile] | None = None,
) -> Iterator[tuple[str, pl.DataFrame | InPlace]]:
    """Tables of ``documents`` and ``rejections`` of one unit of files, in order of the names.

    Each holds about ``part_bytes`` of text at most, and there is at least one of each. Documents
    whose text can stay in the source's files come as :class:`InPlace`. The last table is that of
    ``outcomes``: what became of the records of each file.

    Of a source with ``take``, only the documents of the smallest ids stay. Ids are hashes, so they
    are a random sample, drawn without a seed, in which neither the order nor the grouping of files
    matters; a document added to the source displaces at most one other.

    ``benchmark_items`` are those of the source's ``item_benchmarks``, ``block_files`` what
    ``DocumentSource.block_files`` lists. Raises OSError when the storage fails, SourceError for a
    broken block list and for a benchmark without items.
    """
    ordered = sorted(files, key=lambda file: file.name)
    reading = Reading(source_name, max_document_bytes, block_files or {}, benchmark_items)
    records = source.records(ordered, reading)
    outcomes = Outcomes(source_name, (file.name for file in ordered))
    rows = _counted(outcomes, checked(source_name, source, records, max_document_bytes))
    if source.take is not None:
        rows = _taken(rows, source.take)

    documents = document_tables(source_name, source, part_bytes)
    rejections = Tables(REJECTIONS, {"source": source_name}, part_bytes)

    def part(table: pl.DataFrame) -> tuple[str, pl.DataFrame | InPlace]:
        return "documents", source.in_place(ordered, table, part_bytes) or table

    for row in rows:
        if isinstance(row, Rejection):
            if (full := rejections.add(row[:3], len(row.detail))) is not None:
                yield "rejections", full
        elif (full := documents.add(row.columns, row.bytes)) is not None:
            yield part(full)
    yield from map(part, documents.rest())
    for table in rejections.rest():
        yield "rejections", table
    yield "outcomes", outcomes.table()


def document_tables(source_name: str, source: DocumentSource, part_bytes: int) -> Tables:
    """Tables of the documents of a source, which rows go into."""
    constants = {
        "source": source_name,
        "domain": source.domain,
        "kind": source.kind,
        "language": source.language,
    }
    return Tables(DOCUMENTS, constants, part_bytes)


class Row(NamedTuple):
    """What of a document is its own, in the order of the table's columns, and how large it is."""

    columns: tuple[str, ...]
    bytes: int

    @property
    def id(self) -> str:
        """The document's id."""
        return self.columns[0]

    @property
    def locator(self) -> str:
        """Where in the source it was."""
        return self.columns[3]


_METADATA = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, default=str)


def checked(
    name: str, source: DocumentSource, records: Iterator[Record], max_document_bytes: int
) -> Iterator[Row | Rejection]:
    """Rows of the documents that any later method can hold; a rejection for each other."""
    seen: set[bytes] | None = None if source.numbered else set()
    said = {"licence": source.licence, "answers": source.answers}
    declared = {name: value for name, value in said.items() if value}
    plain = _METADATA.encode(declared)
    identify = document_ids(name)
    for record in records:
        if isinstance(record, Rejection):
            yield record
            continue
        locator, text, found, metadata = record
        format = source.format or found
        if not text or text.isspace():
            yield Rejection(locator, "empty", f"{len(text)} characters of white space")
            continue
        try:
            data = text.encode()
            packed = _METADATA.encode(declared | metadata) if metadata else plain
            packed.encode()
        except UnicodeEncodeError as error:
            # JSON may hold half of a surrogate pair, which no UTF-8 can.
            detail = f"{error.object[error.start]!r} at character {error.start}: {error.reason}"
            yield Rejection(locator, "invalid_encoding", detail)
            continue
        except (ValueError, RecursionError) as error:
            yield Rejection(locator, "invalid_json", f"metadata: {error}")
            continue
        if len(data) > max_document_bytes:
            yield Rejection(locator, "too_large", f"{len(data)} bytes of text")
            continue
        identifier = identify(locator, data)
        if seen is not None:
            key = bytes.fromhex(identifier)  # about 100 bytes a document of the unit
            if key in seen:
                yield Rejection(locator, "repeated", "same place, same text")
                continue
            seen.add(key)
        yield Row((identifier, text, format, locator, packed), len(data) + len(packed))


def _counted(outcomes: Outcomes, rows: Iterator[Row | Rejection]) -> Iterator[Row | Rejection]:
    """The rows, counted as they pass."""
    for row in rows:
        if isinstance(row, Rejection):
            outcomes.count(row.locator, row.reason, row.records)
        else:
            outcomes.count(row.locator, DOCUMENT)
        yield row


def _taken(rows: Iterator[Row | Rejection], take: int) -> Iterator[Row | Rejection]:
    """The ``take`` rows of the smallest ids, in order, after all rejections on the way."""
    kept: dict[str, Row] = {}
    for row in rows:
        if isinstance(row, Rejection):
            yield row
            continue
        kept[row.id] = row
        if len(kept) >= 2 * take + 1000:  # memory grows with what is taken, not with the source
            kept = _smallest(kept, take)
    yield from _smallest(kept, take).values()


def _smallest(rows: dict[str, Row], take: int) -> dict[str, Row]:
    chosen = set(nsmallest(take, rows))
    return {identifier: row for identifier, row in rows.items() if identifier in chosen}
