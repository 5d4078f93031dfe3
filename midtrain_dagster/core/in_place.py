"""Documents whose text stays in the source's own Parquet file.

Text that is already well-formed need not be written again: the part holds every column but
``text``, and references say in which rows of which files the text stands. What decides is the
outcome: the rows are read back as any later reader will read them, and only if they equal the
documents, row for row, does the text stay there. A row that was rejected, repaired or passed over
makes its part a copy, and that part only.

The price: the source must stay as long as what was made from it, and each part decodes its row
group up to its own rows. So a row group far larger than a part is copied.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import polars as pl

from midtrain_dagster.core.reference import Reference, digest_of, open_column
from midtrain_dagster.core.schema import DOCUMENTS
from midtrain_dagster.core.source_file import SourceFile

LARGEST_ROW_GROUP = 8
"""How many times the text of a part a row group may hold, decoded."""


class InPlace(NamedTuple):
    """A table of documents, and where the source holds its text."""

    table: pl.DataFrame
    text_from: tuple[Reference, ...]


def in_place(
    column: str, files: Sequence[SourceFile], documents: pl.DataFrame, part_bytes: int
) -> InPlace | None:
    """The documents with references to their text, or None if it must be copied.

    Locators are ``FILE:ROW``, in the order of the files' rows. Raises OSError when the storage
    fails.
    """
    by_name = {file.name: file for file in files}
    references: list[Reference] = []
    for name, first, last, rows in _runs(documents).iter_rows():
        if last - first + 1 != rows:
            return None
        texts = documents["text"].slice(sum(each.rows for each in references), rows)
        reference = _reference(by_name[name], column, first, texts, part_bytes)
        if reference is None:
            return None
        references.append(reference)
    return InPlace(documents, tuple(references)) if references else None


def _runs(documents: pl.DataFrame) -> pl.DataFrame:
    """A row for each file, in order: its name, the first row and the last, and how many."""
    place = pl.col("locator").str.extract_groups(r"(?s)^(?<file>.*):(?<row>\d+)$").struct
    row = place.field("row").cast(pl.Int64)
    return documents.group_by(place.field("file").alias("file"), maintain_order=True).agg(
        row.first().alias("first"), row.last().alias("last"), pl.len()
    )


def _reference(
    file: SourceFile, name: str, start: int, texts: pl.Series, part_bytes: int
) -> Reference | None:
    """The file's rows from ``start`` on, if they hold these texts and are cheap enough to read."""
    import pyarrow as pa

    try:
        with open_column(file.uri, name) as column:
            if not column.holds_strings:
                return None
            sizes = column.row_group_bytes()
            touched = column.row_groups(start, len(texts))
            if max(sizes[group] for group in touched) > LARGEST_ROW_GROUP * part_bytes:
                return None
            values = column.read(start, len(texts))
    except (pa.ArrowException, OSError):
        file.raise_if_storage_fails()
        return None  # corrupt further on: what was read of it is copied
    if not pl.Series(pl.from_arrow(values)).equals(texts):
        return None
    return Reference(
        uri=file.uri,
        bytes=file.bytes,
        column=name,
        start=start,
        rows=len(texts),
        digest=digest_of(values),
    )


def scan_in_place(stored: pl.LazyFrame, references: Sequence[Reference], part: str) -> pl.LazyFrame:
    """A part's documents in their schema; the source is opened only if ``text`` is asked for.

    Collecting raises StorageError, naming the part, when the source is gone or has changed.
    """
    from polars.io.plugins import register_io_source

    def frames(
        columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, _: int | None
    ) -> Iterator[pl.DataFrame]:
        asked = DOCUMENTS.names() if columns is None else columns
        frame = stored.select(name for name in asked if name != "text").collect()
        if "text" in asked:
            texts = pl.concat([pl.Series(pl.from_arrow(each.read(part))) for each in references])
            frame = pl.DataFrame([*frame, texts.alias("text")]).select(asked)
        frame = frame if rows is None else frame.head(rows)
        yield frame if predicate is None else frame.filter(predicate)

    return register_io_source(frames, schema=DOCUMENTS)
