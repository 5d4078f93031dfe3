"""A reference to rows of a Parquet column that lies outside the store, and how they are read.

A location, not a cause: where the file lies decides nothing. That its text is still what it was is
checked whenever it is read, over the values and not over the file's bytes, so that a copy of the
rows in another layout serves as well. Rows are decoded in small batches from the start of their row
group: memory grows with what is asked for, time with the row group.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from midtrain_dagster.core.causes import DIGEST_BYTES
from midtrain_dagster.core.filesystem import filesystem_of
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.storage import StorageError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import NativeFile

READ_BYTES = 1 << 22
"""What is read of a column at a time, from a disk or an object store."""

_ROWS = 1024


class Reference(FrozenModel):
    """Rows of a column of strings: ``rows`` of them from ``start`` (counted from 0) on.

    ``bytes`` is the size of the file, ``digest`` that of the values.
    """

    uri: str
    bytes: int
    column: str
    start: int
    rows: int
    digest: str

    @property
    def is_there(self) -> bool:
        """Whether the file is where it was, and of the size it had."""
        filesystem, path = filesystem_of(self.uri)
        info = filesystem.get_file_info(path)
        return bool(info.is_file and info.size == self.bytes)

    def read(self, part: str) -> "pa.LargeStringArray":
        """The values; raises StorageError, naming the ``part`` that needs them, when the file is
        gone or holds others now."""
        import pyarrow as pa

        try:
            with open_column(self.uri, self.column) as column:
                values = column.read(self.start, self.rows)
        except (pa.ArrowException, OSError, KeyError) as error:
            raise StorageError(self._lost(part, f"cannot be read ({error})")) from error
        if len(values) != self.rows or digest_of(values) != self.digest:
            raise StorageError(self._lost(part, "has changed since it was collected"))
        return values

    def _lost(self, part: str, what: str) -> str:
        return (
            f"{self.uri} {what}; the text of {part} stands in its column {self.column!r}, rows "
            f"{self.start} to {self.start + self.rows - 1}. Restore the file, or run again to "
            "collect it anew"
        )


class Column:
    """One column of an open Parquet file."""

    def __init__(self, handle: "NativeFile", name: str):
        from pyarrow import parquet

        self._file = parquet.ParquetFile(handle, buffer_size=READ_BYTES)
        self._metadata = self._file.metadata
        self._name = name
        groups = range(self._metadata.num_row_groups)
        self._stops = [0, *accumulate(self._metadata.row_group(i).num_rows for i in groups)]

    @property
    def holds_strings(self) -> bool:
        """Whether the file has it, once, and its values are strings as they stand."""
        import pyarrow as pa

        schema = self._file.schema_arrow
        found = schema.get_all_field_indices(self._name)
        return len(found) == 1 and schema.field(found[0]).type in (pa.string(), pa.large_string())

    def row_group_bytes(self) -> list[int]:
        """The decoded size of each of its row groups, without the other columns. A name with dots
        may be that of a struct's member."""
        paths = [self._metadata.schema.column(i).path for i in range(self._metadata.num_columns)]
        chunks = [i for i, path in enumerate(paths) if f"{path}.".startswith(f"{self._name}.")]
        return [
            sum(self._metadata.row_group(i).column(j).total_uncompressed_size for j in chunks)
            for i in range(self._metadata.num_row_groups)
        ]

    def row_groups(self, start: int, rows: int) -> list[int]:
        """The row groups in which rows lie."""
        bounds = enumerate(pairwise(self._stops))
        return [i for i, (first, stop) in bounds if stop > start and first < start + rows]

    def first_row(self, row_group: int) -> int:
        """How many rows stand before a row group."""
        return self._stops[row_group]

    def read(self, start: int, rows: int) -> "pa.LargeStringArray":
        """The values from row ``start`` on; fewer than ``rows`` if the file ends before.

        Raises KeyError without the column, pyarrow's exceptions and OSError for a broken file.
        """
        import pyarrow as pa

        groups = self.row_groups(start, rows)
        taken = []
        if groups:
            at = self.first_row(groups[0])
            for batch in self._file.iter_batches(
                _ROWS, row_groups=groups, columns=[self._name], use_threads=False
            ):
                values = batch.column(self._name).cast(pa.large_string())
                first, last = max(start - at, 0), min(start + rows - at, len(values))
                taken.append(values.slice(first, max(last - first, 0)))
                at += len(values)
                if at >= start + rows:
                    break
        return pa.chunked_array(taken, pa.large_string()).combine_chunks()


@contextmanager
def open_column(uri: str, name: str) -> Iterator[Column]:
    """A column of the Parquet file at a URI or path."""
    filesystem, path = filesystem_of(uri)
    with filesystem.open_input_file(path) as handle:
        yield Column(handle, name)


def digest_of(values: "pa.LargeStringArray") -> str:
    """The digest of the values' lengths and bytes, however the array lies in memory."""
    import numpy as np

    _, offsets, data = values.buffers()
    bounds = np.frombuffer(offsets, "<i8")[values.offset : values.offset + len(values) + 1]
    state = blake2b(np.diff(bounds).tobytes(), digest_size=DIGEST_BYTES)
    if data is not None:
        state.update(memoryview(data)[bounds[0] : bounds[-1]])
    return state.hexdigest()
