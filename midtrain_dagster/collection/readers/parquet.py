"""Parquet: one document a row, in the value of one column or of messages.

A column may lie inside of structs and lists, as ``meta.url`` and ``answers.0.text`` do; one that is
called as it is written goes first. Only what is named is read of a struct.

Rows are read in small batches of a row group, so memory grows neither with the file nor with its
row groups. A large file is cut between row groups, which its footer lists. Text that is well-formed
stays where it is (``in_place.py``), if its column is no member of a struct.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from midtrain_dagster.collection.messages import conversation_of
from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.collection.row_source import RowSource
from midtrain_dagster.collection.row_values import MISSING, Place, array_at, keys_of, place_of
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
                schema = table.schema_arrow
                fault = self._fault(schema)
                if fault is not None:
                    if row == 0:  # once, not for each piece of the file
                        yield fault._replace(locator=file.name)
                    return
                places = self._places(schema)
                piece = file.piece or Piece(start=0, stop=table.num_row_groups, before=0)
                groups = range(piece.start, piece.stop)
                columns = sorted({place.projection for place in places.values()})
                for batch in table.iter_batches(_ROWS, row_groups=groups, columns=columns):
                    yield from _read_batch(self, file.name, row, batch, places)
                    row += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            file.raise_if_storage_fails()
            yield Rejection(file.name, "unreadable_file", f"from row {row} on: {error}")

    @property
    def _required(self) -> list[str]:
        """The columns that the text is made of."""
        return [self.text] if self.messages is None else self.messages.required

    def _places(self, schema: "pa.Schema") -> dict[str, Place]:
        """Where the columns lie that the section names and the file has."""
        optional = [] if self.messages is None else self.messages.optional
        keys = [*self._required, *optional, *self.kept.values()]
        places = {key: place_of(schema, key) for key in keys}
        return {key: place for key, place in places.items() if place is not None}

    def _fault(self, schema: "pa.Schema") -> Rejection | None:
        """Why a file of this schema gives nothing: a column that it lacks, or that is no text."""
        places = self._places(schema)
        missing = [key for key in (*self._required, *self.kept.values()) if key not in places]
        if missing:
            return Rejection("", "missing_key", f"no column {missing}; there are {keys_of(schema)}")
        if self.messages is None and not _holds_text(kind := places[self.text].type):
            return Rejection("", "not_text", f"column {self.text!r} holds {kind}")
        return None

    def pieces(self, file: SourceFile, target_bytes: int) -> list[SourceFile]:
        """Runs of row groups; one that is larger than the target stands alone."""
        cut = list(_runs(file, self._required[0], target_bytes))
        return cut if len(cut) > 1 else [file]

    def read_so_far(self, file: SourceFile, records: int, position: int) -> int:
        """By rows, for columns lie apart in a file."""
        import pyarrow as pa
        from pyarrow import parquet

        try:
            with file.open() as handle:
                rows = parquet.read_metadata(handle).num_rows
        except (pa.ArrowException, OSError):
            return position  # it is rejected as a whole
        return file.bytes * records // max(1, rows)

    def in_place(
        self, files: Sequence[SourceFile], documents: "pl.DataFrame", part_bytes: int
    ) -> "InPlace | None":
        """The documents without their text, if the files hold it as it is; of a sample, a copy."""
        from midtrain_dagster.collection.in_place import in_place

        if self.take is not None or self.messages is not None:
            return None
        return in_place(self.text, files, documents, part_bytes)


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
    source: ParquetSource,
    name: str,
    first: int,
    batch: "pa.RecordBatch",
    places: Mapping[str, Place],
) -> Iterator[Record]:
    import pyarrow as pa

    columns = {key: array_at(batch, place) for key, place in places.items()}
    kept = {name: columns[key] for name, key in source.kept.items()}
    rows = pa.table(kept).to_pylist() if kept else [{}] * batch.num_rows
    if source.messages is None:
        yield from _texts(source.text, name, first, columns[source.text], rows)
        return
    for number, metadata in enumerate(rows):
        locator = f"{name}:{first + number}"
        try:
            row = {key: _without_nulls(array[number].as_py()) for key, array in columns.items()}
        except UnicodeDecodeError as error:
            detail = f"invalid UTF-8 at byte {error.start} of a value: {error.reason}"
            yield Rejection(locator, "invalid_encoding", detail)
            continue
        value = partial(_value, row)
        yield conversation_of(source.messages, locator, value, known=row, metadata=metadata)


def _texts(
    key: str, name: str, first: int, values: "pa.Array", rows: list[dict[str, Any]]
) -> Iterator[Record]:
    import pyarrow as pa

    # Parquet does not check that a string is UTF-8, so it is decoded here, row by row.
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    texts = values.cast(pa.large_binary()).to_pylist()
    for row, (data, metadata) in enumerate(zip(texts, rows, strict=True), start=first):
        locator = f"{name}:{row}"
        if data is None:
            yield Rejection(locator, "empty", f"{key!r} is null")
            continue
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            detail = f"invalid UTF-8 at byte {error.start} of the value: {error.reason}"
            yield Rejection(locator, "invalid_encoding", detail)
            continue
        yield Document(locator, repaired(text), "plain", metadata)


def _value(row: dict[str, Any], key: str) -> Any:
    return row.get(key, MISSING)


def _without_nulls(value: Any) -> Any:
    """A value without null members: a struct has those that only other rows fill."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value
