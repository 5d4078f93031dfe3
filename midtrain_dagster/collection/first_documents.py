"""A few documents of a source, as collection would read them, without reading the rest."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import polars as pl

from midtrain_dagster.collection.document_source import DocumentSource, Reading
from midtrain_dagster.collection.read import Row, checked, document_tables
from midtrain_dagster.collection.record import Rejection
from midtrain_dagster.core.source_file import SourceFile

RECORDS_A_DOCUMENT = 20
"""Records that are looked at for a document: a source that can hardly be read is given up."""


class FirstDocuments(NamedTuple):
    """The documents, of the schema DOCUMENTS, and how many records on the way were none."""

    documents: pl.DataFrame
    rejected: int


def first_documents(
    name: str,
    source: DocumentSource,
    files: Sequence[SourceFile],
    count: int,
    *,
    max_document_bytes: int,
    block_files: Mapping[str, SourceFile] | None = None,
    benchmark_items: pl.DataFrame | None = None,
) -> FirstDocuments:
    """The first documents of files that lie evenly among all, the same number of each.

    Where those hold fewer, they give more than their share; the arguments are those of `read`, and
    so is what is raised. Lines that recur on a host's pages are found within a file only.
    """
    ordered = sorted(files, key=lambda file: file.name)
    reading = Reading(name, max_document_bytes, block_files or {}, benchmark_items)
    chosen = [ordered] if source.item_benchmarks else [[each] for each in _spread(ordered, count)]
    rows = [
        checked(name, source, source.records(each, reading), max_document_bytes) for each in chosen
    ]
    table = document_tables(name, source, part_bytes=2**62)
    found = rejected = 0
    for row in islice(_in_turns(rows, -(-count // max(1, len(rows)))), RECORDS_A_DOCUMENT * count):
        if isinstance(row, Rejection):
            rejected += 1
            continue
        table.add(row.columns, row.bytes)
        found += 1
        if found == count:
            break
    return FirstDocuments(pl.concat(table.rest()), rejected)


def _in_turns(files: Sequence[Iterator[Row | Rejection]], share: int) -> Iterator[Row | Rejection]:
    """As many rows of each as its share, in order; then what more there is, in order."""
    for rows in files:
        yield from islice(rows, share)
    for rows in files:
        yield from rows


def _spread(files: Sequence[SourceFile], count: int) -> list[SourceFile]:
    """At most ``count`` of the files, evenly among them, without the empty ones."""
    full = [file for file in files if file.bytes]
    step = max(1.0, len(full) / count)
    return [full[int(number * step)] for number in range(min(count, len(full)))]
