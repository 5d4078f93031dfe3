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

from midtrain_dagster.collection.document_source import described
from midtrain_dagster.collection.file_kind import mistaken
from midtrain_dagster.collection.messages import conversation_of
from midtrain_dagster.collection.record import Document, Record, Rejection, repaired
from midtrain_dagster.collection.row_source import RowSource
from midtrain_dagster.collection.row_values import (
    MISSING,
    Place,
    Unwritable,
    array_at,
    keys_of,
    place_of,
    values_of,
)
from midtrain_dagster.core.source_file import Piece, SourceFile

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa
    from pyarrow import NativeFile

    from midtrain_dagster.core.in_place import InPlace

VERSION = 3

_ROWS = 1024


class ParquetSource(RowSource):
    """Parquet files, one document a row."""

    suffixes = (".parquet",)

    reader: Literal["parquet"]
    text: str = Field("text", description="The column that holds the text")

    def read(self, file: SourceFile, max_document_bytes: int) -> Iterator[Record]:
        """The documents of one file; the locator is ``FILE:ROW``, rows counted from 0.

        A file without the columns, or whose footer is gone, is rejected whole. Of a row group that
        is corrupt the batches before stay, and its other rows are a counted rejection.
        """
        with file.open() as handle:
            if file.bytes == 0:
                yield Rejection(file.name, "unreadable_file", "the file is empty")
                return
            try:
                groups = _RowGroups(handle, file.piece)
                fault = self._fault(groups.schema)
                places = self._places(groups.schema)
            except self.bad_file as error:
                file.raise_if_storage_fails()
                other = mistaken("parquet", file)
                yield Rejection(file.name, "unreadable_file", other or described(error))
                return
            if fault is not None:
                if groups.first_row == 0:  # once, not for each piece of the file
                    yield fault._replace(locator=file.name)
                return
            columns = sorted({place.projection for place in places.values()})
            for first, rows, batches in groups.batches(columns):
                row, stop = first, first + rows
                why = "it holds fewer rows than it says"
                try:
                    for found in batches:
                        batch = found.slice(0, stop - row)  # as many as it says
                        yield from _read_batch(self, file.name, row, batch, places)
                        row += batch.num_rows
                except self.bad_file as error:
                    file.raise_if_storage_fails()
                    why = described(error)
                if row < stop:
                    yield _lost_rows(file.name, row, stop, why)

    @property
    def bad_file(self) -> tuple[type[Exception], ...]:
        """What PyArrow raises of a corrupt file: its own, and what Python makes of its values."""
        import pyarrow as pa

        return (*super().bad_file, pa.ArrowException, OverflowError, KeyError, NotImplementedError)

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
        for key in places.values():
            if key.is_ambiguous:
                detail = f"{key.steps[0]!r} is the name of several columns: rename them"
                return Rejection("", "missing_key", detail)
        if self.messages is None and not _holds_text(kind := places[self.text].type):
            return Rejection("", "not_text", f"column {self.text!r} holds {kind}")
        return None

    def pieces(self, file: SourceFile, target_bytes: int) -> list[SourceFile]:
        """Runs of row groups; one that is larger than the target stands alone."""
        cut = list(_runs(file, self._required[0], target_bytes, self.bad_file))
        return cut if len(cut) > 1 else [file]

    def read_so_far(self, file: SourceFile, records: int, position: int) -> int:
        """By rows, for columns lie apart in a file."""
        from pyarrow import parquet

        try:
            with file.open() as handle:
                rows = parquet.read_metadata(handle).num_rows
        except self.bad_file:
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


def _runs(
    file: SourceFile, column: str, target_bytes: int, bad_file: tuple[type[Exception], ...]
) -> Iterator[SourceFile]:
    """The file's runs of row groups, by the bytes of their text; none for a broken file."""
    from midtrain_dagster.core.reference import open_column

    try:
        with open_column(file.uri, column) as opened:
            sizes = opened.row_group_bytes()
            rows = [opened.first_row(group) for group in range(len(sizes))]
    except bad_file:
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


class _RowGroups:
    """The row groups of a file, or of a piece of it, each read by itself."""

    def __init__(self, handle: "NativeFile", piece: Piece | None):
        from pyarrow import parquet

        from midtrain_dagster.core.reference import READ_BYTES

        self._table = parquet.ParquetFile(
            handle, buffer_size=READ_BYTES, page_checksum_verification=True
        )
        self._piece = piece or Piece(start=0, stop=self._table.num_row_groups, before=0)
        self.schema = self._table.schema_arrow
        self.first_row = self._piece.before

    def batches(self, columns: list[str]) -> Iterator[tuple[int, int, "Iterator[pa.RecordBatch]"]]:
        """Of each row group its first row, how many rows it has, and these in batches."""
        first = self.first_row
        for group in range(self._piece.start, self._piece.stop):
            rows = max(0, self._table.metadata.row_group(group).num_rows)
            yield first, rows, self._table.iter_batches(_ROWS, row_groups=[group], columns=columns)
            first += rows


def _lost_rows(name: str, first: int, stop: int, why: str) -> Rejection:
    detail = f"{stop - first} rows from row {first} on, the rest of their row group: {why}"
    return Rejection(f"{name}:{first}", "unreadable_rows", detail, stop - first)


def _holds_text(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):  # JSON, as Parquet's logical type has it
        kind = kind.storage_type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    strings = (pa.string(), pa.large_string(), pa.string_view())
    return kind in (*strings, pa.binary(), pa.large_binary(), pa.binary_view())


def _read_batch(
    source: ParquetSource,
    name: str,
    first: int,
    batch: "pa.RecordBatch",
    places: Mapping[str, Place],
) -> Iterator[Record]:
    columns = {key: array_at(batch, place) for key, place in places.items()}
    kept = {name: values_of(columns[key]) for name, key in source.kept.items()}
    texts = _bytes(columns[source.text]).to_pylist() if source.messages is None else None
    turns = {} if texts is not None else {key: values_of(array) for key, array in columns.items()}
    for number in range(batch.num_rows):
        locator = f"{name}:{first + number}"
        metadata = {key: values[number] for key, values in kept.items()}
        if wrong := _unwritable(metadata):
            yield Rejection(locator, wrong.reason, wrong.detail)
        elif texts is not None:
            yield _document(locator, source.text, texts[number], metadata)
        else:
            row = {key: _without_nulls(values[number]) for key, values in turns.items()}
            yield _conversation(source, locator, row, metadata)


def _bytes(values: "pa.Array") -> "pa.Array":
    """Texts as bytes: Parquet does not check that a string is UTF-8, so that is done row by row."""
    import pyarrow as pa

    if isinstance(values.type, pa.BaseExtensionType):
        values = values.storage
    if pa.types.is_dictionary(values.type):
        kinds = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
        kind = kinds.get(values.type.value_type)
        if kind is not None:  # views cannot be taken by indices
            dictionary = values.dictionary.cast(kind)
            values = pa.DictionaryArray.from_arrays(values.indices, dictionary)
        values = values.dictionary_decode()
    return values.cast(pa.large_binary())


def _document(locator: str, key: str, data: bytes | None, metadata: dict[str, Any]) -> Record:
    if data is None:
        return Rejection(locator, "empty", f"{key!r} is null")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        detail = f"invalid UTF-8 at byte {error.start} of the value: {error.reason}"
        return Rejection(locator, "invalid_encoding", detail)
    return Document(locator, repaired(text), "plain", metadata)


def _conversation(
    source: ParquetSource, locator: str, row: dict[str, Any], metadata: dict[str, Any]
) -> Record:
    assert source.messages is not None
    if wrong := _unwritable(row):
        return Rejection(locator, wrong.reason, wrong.detail)
    value = partial(_value, row)
    return conversation_of(source.messages, locator, value, known=row, metadata=metadata)


def _unwritable(row: dict[str, Any]) -> Unwritable | None:
    return next((value for value in row.values() if isinstance(value, Unwritable)), None)


def _value(row: dict[str, Any], key: str) -> Any:
    return row.get(key, MISSING)


def _without_nulls(value: Any) -> Any:
    """A value without null members: a struct has those that only other rows fill."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value
