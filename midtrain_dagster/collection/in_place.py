"""Whether the text of a part can stay in the source's own Parquet file.

What decides is the outcome: the rows are read back as any later reader will read them, and only if
they equal the documents, row for row, does the text stay there. A row that was rejected, repaired
or passed over makes its part a copy, and that part only.

The price: the source must stay as long as what was made from it, and each part decodes its row
group up to its own rows. So a row group far larger than a part is copied.
"""

from collections.abc import Sequence

import polars as pl

from midtrain_dagster.core.in_place import InPlace
from midtrain_dagster.core.reference import Reference, digest_of, open_column
from midtrain_dagster.core.source_file import SourceFile

LARGEST_ROW_GROUP = 8
"""How many times the text of a part a row group may hold, decoded."""


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
