"""A text column as one buffer of bytes, which compiled code walks over without copying a text."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl


class Text(NamedTuple):
    """A text column as one buffer: document ``i`` is ``buffer[offsets[i]:offsets[i + 1]]``."""

    buffer: np.ndarray
    """uint8, the UTF-8 bytes of all documents; read-only, else kernels are compiled once more."""
    offsets: np.ndarray
    """int64, one more than there are documents; the first is 0."""


def text_buffer(texts: pl.Series) -> Text:
    """The bytes of a String column without nulls, copied into one buffer.

    Raises ValueError if a text is null.
    """
    if texts.null_count():
        raise ValueError(f"column {texts.name!r} holds {texts.null_count()} null texts")
    array = texts.cast(pl.String).rechunk().to_arrow()
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    if data is None:
        return Text(np.frombuffer(b"", np.uint8), np.zeros(len(array) + 1, np.int64))
    return Text(np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]], bounds - bounds[0])


def chunks(texts: pl.Series, size: int) -> Iterator[tuple[int, pl.Series]]:
    """Cut a column into consecutive slices of about ``size`` bytes; yields (first row, slice).

    A text longer than ``size`` is a slice of its own.
    """
    ends = np.cumsum(texts.str.len_bytes().to_numpy())
    start = 0
    while start < len(texts):
        before = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, before + size, side="right")), start + 1)
        yield start, texts.slice(start, stop - start)
        start = stop
