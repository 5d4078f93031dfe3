"""Rows become tables, cut where they would hold more than a number of bytes.

So what a reader holds at a time is one part, however long its files are. Rows are collected as
tuples and turned into columns once, which costs a tenth of a table built row by row.
"""

from collections.abc import Iterator, Mapping

import polars as pl

_ROW_BYTES = 256
"""What a row takes beside its text: ids, places and the objects that hold them."""


class Tables:
    """Tables of one schema, each of about ``part_bytes`` at most; a longer row stands alone.

    Columns in ``constants`` hold one value; the others are what a row gives, in their order.
    """

    def __init__(self, schema: pl.Schema, constants: Mapping[str, str | None], part_bytes: int):
        self._schema = schema
        self._constants = constants
        self._columns = [name for name in schema if name not in constants]
        self._part_bytes = part_bytes
        self._rows: list[tuple[str | None, ...]] = []
        self._size = 0
        self._none_yet = True

    def add(self, row: tuple[str | None, ...], size: int) -> pl.DataFrame | None:
        """Take a row with ``size`` bytes of text; returns the rows before it if it is too many."""
        size += _ROW_BYTES
        full = self._cut() if self._rows and self._size + size > self._part_bytes else None
        self._rows.append(row)
        self._size += size
        return full

    def rest(self) -> Iterator[pl.DataFrame]:
        """The last table; an empty one if there was no row at all."""
        if self._rows or self._none_yet:
            yield self._cut()

    def _cut(self) -> pl.DataFrame:
        values = zip(*self._rows, strict=True) if self._rows else ([] for _ in self._columns)
        given = dict(zip(self._columns, values, strict=True))
        height = len(self._rows)
        self._rows, self._size, self._none_yet = [], 0, False
        return pl.DataFrame(
            [
                pl.Series(name, given[name], dtype)
                if name in given
                else pl.repeat(self._constants[name], height, dtype=dtype, eager=True).alias(name)
                for name, dtype in self._schema.items()
            ]
        )
