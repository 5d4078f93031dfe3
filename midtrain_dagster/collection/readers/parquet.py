"""Parquet: one document a row.

Rows are read in small batches of a row group, so memory grows neither with the file nor with its
row groups. Whether the text is copied or stays where it is, is decided later (``in_place.py``).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.collection.source import ParquetSource
from midtrain_dagster.core.reference import READ_BYTES
from midtrain_dagster.core.source_file import Piece, SourceFile

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 1

_ROWS = 1024


def read_parquet(
    source: ParquetSource, file: SourceFile, max_document_bytes: int
) -> Iterator[Record]:
    """The documents of one file; the locator is ``FILE:ROW``, rows counted from 0.

    A file without the columns, or whose footer is gone, is rejected whole; one whose pages are
    corrupt further on keeps the batches before.
    """
    import pyarrow as pa
    from pyarrow import parquet

    row = file.piece.before if file.piece else 0
    try:
        with file.open() as handle:
            table = parquet.ParquetFile(handle, buffer_size=READ_BYTES)
            columns = [source.text, *source.kept.values()]
            missing = [name for name in columns if name not in table.schema_arrow.names]
            if missing:
                detail = f"no column {missing}; there are {table.schema_arrow.names}"
                if row == 0:  # once, not for each piece of the file
                    yield Rejection(file.name, "missing_key", detail)
                return
            kind = table.schema_arrow.field(source.text).type
            if not _holds_text(kind):
                if row == 0:
                    detail = f"column {source.text!r} holds {kind}"
                    yield Rejection(file.name, "not_text", detail)
                return
            piece = file.piece or Piece(start=0, stop=table.num_row_groups, before=0)
            groups = range(piece.start, piece.stop)
            columns = list(dict.fromkeys(columns))
            for batch in table.iter_batches(_ROWS, row_groups=groups, columns=columns):
                yield from _read_batch(source, file.name, row, batch)
                row += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        file.raise_if_storage_fails()
        yield Rejection(file.name, "unreadable_file", f"from row {row} on: {error}")


def _holds_text(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return kind in (pa.string(), pa.large_string(), pa.string_view(), pa.binary())


def _read_batch(
    source: ParquetSource, name: str, first: int, batch: "pa.RecordBatch"
) -> Iterator[Record]:
    import pyarrow as pa

    # Parquet does not check that a string is UTF-8, so it is decoded here, row by row.
    texts = batch.column(source.text)
    if pa.types.is_dictionary(texts.type):
        texts = texts.dictionary_decode()
    texts = texts.cast(pa.large_binary()).to_pylist()
    kept = {name: batch.column(column) for name, column in source.kept.items()}
    rows = pa.table(kept).to_pylist() if kept else [{}] * len(texts)
    for row, (data, metadata) in enumerate(zip(texts, rows, strict=True), start=first):
        locator = f"{name}:{row}"
        if data is None:
            yield Rejection(locator, "empty", f"{source.text!r} is null")
            continue
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            detail = f"invalid UTF-8 at byte {error.start} of the value: {error.reason}"
            yield Rejection(locator, "invalid_encoding", detail)
            continue
        yield Document(locator, repaired(text), "plain", metadata)
