"""Parquet: one document a row.

Rows are read in small batches of a row group, so memory grows neither with the file nor with its
row groups. A large file is cut between row groups, which its footer lists. Text that is well-formed
stays where it is (``in_place.py``).
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.collection.row_source import RowSource
from midtrain_dagster.core.source_file import Piece, SourceFile

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from midtrain_dagster.core.in_place import InPlace

VERSION = 1

_ROWS = 1024


class ParquetSource(RowSource):
    """Parquet files, one document a row."""

    suffixes = (".parquet",)

    reader: Literal["parquet"]
    text: str = Field("text", description="The column that holds the text")

    def read(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
        """The documents of one file; the locator is ``FILE:ROW``, rows counted from 0.

        A file without the columns, or whose footer is gone, is rejected whole; one whose pages are
        corrupt further on keeps the batches before.
        """
        import pyarrow as pa
        from pyarrow import parquet

        from midtrain_dagster.core.reference import READ_BYTES

        row = file.piece.before if file.piece else 0
        try:
            with file.open() as handle:
                table = parquet.ParquetFile(handle, buffer_size=READ_BYTES)
                columns = [self.text, *self.kept.values()]
                missing = [name for name in columns if name not in table.schema_arrow.names]
                if missing:
                    detail = f"no column {missing}; there are {table.schema_arrow.names}"
                    if row == 0:  # once, not for each piece of the file
                        yield Rejection(file.name, "missing_key", detail)
                    return
                kind = table.schema_arrow.field(self.text).type
                if not _holds_text(kind):
                    if row == 0:
                        detail = f"column {self.text!r} holds {kind}"
                        yield Rejection(file.name, "not_text", detail)
                    return
                piece = file.piece or Piece(start=0, stop=table.num_row_groups, before=0)
                groups = range(piece.start, piece.stop)
                columns = list(dict.fromkeys(columns))
                for batch in table.iter_batches(_ROWS, row_groups=groups, columns=columns):
                    yield from _read_batch(self, file.name, row, batch)
                    row += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            file.raise_if_storage_fails()
            yield Rejection(file.name, "unreadable_file", f"from row {row} on: {error}")

    def pieces(self, file: SourceFile, target_bytes: int) -> list[SourceFile]:
        """Runs of row groups; one that is larger than the target stands alone."""
        cut = list(_runs(file, self.text, target_bytes))
        return cut if len(cut) > 1 else [file]

    def in_place(
        self, files: Sequence[SourceFile], documents: "pl.DataFrame", part_bytes: int
    ) -> "InPlace | None":
        """The documents without their text, if the files hold it as it is; of a sample, a copy."""
        from midtrain_dagster.collection.in_place import in_place

        return in_place(self.text, files, documents, part_bytes) if self.take is None else None


def _runs(file: SourceFile, column: str, target_bytes: int) -> Iterator[SourceFile]:
    """The file's runs of row groups, by the bytes of their text; none for a broken file."""
    import pyarrow as pa

    from midtrain_dagster.core.reference import open_column

    try:
        with open_column(file.uri, column) as opened:
            sizes = opened.row_group_bytes()
            rows = [opened.first_row(group) for group in range(len(sizes))]
    except (pa.ArrowException, OSError):
        file.raise_if_storage_fails()
        return
    start = held = 0
    for group, size in enumerate(sizes):
        if group > start and held + size > target_bytes:
            yield _run(file, start, group, rows[start])
            start, held = group, 0
        held += size
    if sizes:
        yield _run(file, start, len(sizes), rows[start])


def _run(file: SourceFile, start: int, stop: int, before: int) -> SourceFile:
    return file.model_copy(update={"piece": Piece(start=start, stop=stop, before=before)})


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
