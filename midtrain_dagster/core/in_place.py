"""Documents whose text stays in the source's own Parquet file, and how they are read.

Text that is already well-formed need not be written again: the part holds every column but
``text``, and references say in which rows of which files the text stands.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import polars as pl

from midtrain_dagster.core.reference import Reference
from midtrain_dagster.core.schema import DOCUMENTS


class InPlace(NamedTuple):
    """A table of documents, and where the source holds its text."""

    table: pl.DataFrame
    text_from: tuple[Reference, ...]


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
