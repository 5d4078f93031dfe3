"""One unit of files in, its documents and rejections out: what all readers share.

A reader says what it found; here every document is checked, gets its id, and goes into a table.
Tables are given out as they fill, so memory grows with a part and not with the files. The result
depends on nothing but the section, the files' names and their content.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import nsmallest
from typing import NamedTuple

import polars as pl

from midtrain_dagster.collection import block_list, boilerplate, repair
from midtrain_dagster.collection.readers import (
    html,
    json_lines,
    manual_page,
    parquet,
    pdf,
    planted,
    python_installation,
    stack_exchange,
    text,
    warc,
    wet,
)
from midtrain_dagster.collection.record import Record, Rejection
from midtrain_dagster.collection.source import (
    PageSource,
    ParquetSource,
    PdfSource,
    PlantedSource,
    Source,
    UrlSource,
    WarcSource,
)
from midtrain_dagster.collection.tables import Tables
from midtrain_dagster.core.in_place import InPlace, in_place
from midtrain_dagster.core.schema import DOCUMENTS, REJECTIONS, document_ids
from midtrain_dagster.core.source_file import SourceFile

VERSION = 1

_READER_VERSIONS = {
    "parquet": parquet.VERSION,
    "json_lines": json_lines.VERSION,
    "warc": warc.VERSION,
    "wet": wet.VERSION,
    "stack_exchange": stack_exchange.VERSION,
    "html": html.VERSION,
    "text": text.VERSION,
    "pdf": pdf.VERSION,
    "manual_page": manual_page.VERSION,
    "python_installation": python_installation.VERSION,
    "planted": planted.VERSION,
}
_READERS: dict[str, Callable[..., Iterator[Record]]] = {
    "parquet": parquet.read_parquet,
    "json_lines": json_lines.read_json_lines,
    "warc": warc.read_warc,
    "wet": wet.read_wet,
    "stack_exchange": stack_exchange.read_stack_exchange,
    "html": html.read_html,
    "text": text.read_text,
    "pdf": pdf.read_pdf,
    "manual_page": manual_page.read_manual_page,
    "python_installation": python_installation.read_python_installation,
}
"""What reads one file: ``(source, file, max_document_bytes)`` to records."""


def version(source: Source) -> int:
    """The version of what reads this source; it grows when any part of it does."""
    steps = [
        repair.VERSION if source.repair else 0,
        boilerplate.VERSION if isinstance(source, PageSource) and source.boilerplate else 0,
        block_list.VERSION if isinstance(source, UrlSource) and source.block else 0,
    ]
    return VERSION + _READER_VERSIONS[source.reader] + sum(steps)


def read(
    source_name: str,
    source: Source,
    files: Sequence[SourceFile],
    *,
    part_bytes: int,
    max_document_bytes: int,
    benchmark_items: pl.DataFrame | None = None,
    block_files: Mapping[str, SourceFile] | None = None,
) -> Iterator[tuple[str, pl.DataFrame | InPlace]]:
    """Tables of ``documents`` and ``rejections`` of one unit of files, in order of the names.

    Each holds about ``part_bytes`` of text at most, and there is at least one of each. Documents
    whose text can stay in the source's Parquet come as :class:`InPlace`.

    Of a source with ``take``, only the documents of the smallest ids stay. Ids are hashes, so they
    are a random sample, drawn without a seed, in which neither the order nor the grouping of files
    matters; a document added to the source displaces at most one other.

    ``benchmark_items`` is for planted sources only, ``block_files`` (``list_block_files``) for
    those with block lists. Raises OSError when the storage fails, SourceError for a broken block
    list.
    """
    ordered = sorted(files, key=lambda file: file.name)
    blocked = None
    if isinstance(source, UrlSource) and source.block:
        blocked = block_list.load_block_list(source.block, block_files or {})
    records = _records(source_name, source, ordered, max_document_bytes, benchmark_items, blocked)
    records = _prepared(source, records, blocked)
    rows = _checked(source_name, source, records, max_document_bytes)
    if source.take is not None:
        rows = _taken(rows, source.take)

    constants = {
        "source": source_name,
        "domain": source.domain,
        "kind": source.kind,
        "language": source.language,
    }
    documents = Tables(DOCUMENTS, constants, part_bytes)
    rejections = Tables(REJECTIONS, {"source": source_name}, part_bytes)

    def part(table: pl.DataFrame) -> tuple[str, pl.DataFrame | InPlace]:
        if isinstance(source, ParquetSource) and source.take is None:
            return "documents", in_place(source.text, ordered, table, part_bytes) or table
        return "documents", table

    for row in rows:
        if isinstance(row, Rejection):
            if (full := rejections.add(row, len(row.detail))) is not None:
                yield "rejections", full
        elif (full := documents.add(row.columns, row.bytes)) is not None:
            yield part(full)
    yield from map(part, documents.rest())
    for table in rejections.rest():
        yield "rejections", table


def _records(
    source_name: str,
    source: Source,
    files: Sequence[SourceFile],
    max_document_bytes: int,
    benchmark_items: pl.DataFrame | None,
    blocked: block_list.BlockList | None,
) -> Iterator[Record]:
    if isinstance(source, PlantedSource):
        yield from planted.read_planted(
            source_name, source, files, max_document_bytes, benchmark_items
        )
        return
    before = {"block_list": blocked} if isinstance(source, WarcSource) else {}
    for file in files:
        yield from _READERS[source.reader](source, file, max_document_bytes, **before)


def _prepared(
    source: Source, records: Iterator[Record], blocked: block_list.BlockList | None
) -> Iterator[Record]:
    """What a source asks for before a text is final, and with it the document's id."""
    if blocked is not None and not isinstance(source, WarcSource):
        records = block_list.without_blocked(blocked, records)
    if source.repair:
        records = repair.repaired_records(source.repair, records)
    if isinstance(source, PageSource) and source.boilerplate and not isinstance(source, PdfSource):
        records = boilerplate.without_boilerplate(source.boilerplate, records)
    return records


class _Row(NamedTuple):
    """What of a document is its own, in the order of the table's columns, and how large it is."""

    columns: tuple[str, ...]
    bytes: int

    @property
    def id(self) -> str:
        return self.columns[0]


_NUMBERED = {"parquet", "json_lines"}
"""Readers whose locators count rows or lines, so that none can come twice."""

_METADATA = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, default=str)


def _checked(
    name: str, source: Source, records: Iterator[Record], max_document_bytes: int
) -> Iterator[_Row | Rejection]:
    """Rows of the documents that any later method can hold; a rejection for each other."""
    seen: set[bytes] | None = None if source.reader in _NUMBERED else set()
    said = {"licence": source.licence, "answers": source.answers}
    declared = {name: value for name, value in said.items() if value}
    plain = _METADATA.encode(declared)
    identify = document_ids(name)
    for record in records:
        if isinstance(record, Rejection):
            yield record
            continue
        locator, text, format, metadata = record
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
        except ValueError as error:
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
        yield _Row((identifier, text, format, locator, packed), len(data) + len(packed))


def _taken(rows: Iterator[_Row | Rejection], take: int) -> Iterator[_Row | Rejection]:
    """The ``take`` rows of the smallest ids, in order, after all rejections on the way."""
    kept: dict[str, _Row] = {}
    for row in rows:
        if isinstance(row, Rejection):
            yield row
            continue
        kept[row.id] = row
        if len(kept) >= 2 * take + 1000:  # memory grows with what is taken, not with the source
            kept = _smallest(kept, take)
    yield from _smallest(kept, take).values()


def _smallest(rows: dict[str, _Row], take: int) -> dict[str, _Row]:
    chosen = set(nsmallest(take, rows))
    return {identifier: row for identifier, row in rows.items() if identifier in chosen}
