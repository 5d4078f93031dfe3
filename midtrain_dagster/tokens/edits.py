"""Merges the edits that curation decided (placeholders, cut spans) into the text, in one place.

Curation never rewrites a document: it lists byte spans with their replacements. Several methods may
list spans that overlap, such as a cut paragraph with an e-mail address inside. Overlapping spans
become one, which covers them all and takes the replacement of the span that starts first (the
longest of those that start together): nothing that any method wanted removed remains. Where that
span leaves nothing, the replacement is that of the span that reaches furthest: a cut that ends
among lines that are cut takes no end of line with it that has to stay between two others.
"""

import numpy as np
import polars as pl
import pyarrow as pa

VERSION = 2

EDIT = pl.Struct({"start": pl.UInt32, "stop": pl.UInt32, "replacement": pl.String})
"""One edit: bytes ``[start, stop)`` of the UTF-8 text become the replacement."""


def apply_edits(text: pl.Series, edits: pl.Series) -> pl.Series:
    """Return ``text`` with every row's edits applied; null text stays null, null edits are none.

    ``text`` is a String series; ``edits`` is a series of ``List[Struct{start, stop, replacement}]``
    of the same length, in any order, in bytes of the original text. Only rows with edits are
    copied, and the work in Python is per edit, never per character. Raises ValueError naming the
    row (counted from 0) for a span outside its text or inside a character.
    """
    if len(text) != len(edits):
        raise ValueError(f"{len(text)} texts, but {len(edits)} rows of edits")
    rows = pl.DataFrame({"text": text, "edits": edits}).with_row_index("row")
    edited = rows.filter(pl.col("text").is_not_null() & (pl.col("edits").list.len() > 0))
    if edited.is_empty():
        return text
    merged = pl.DataFrame({"row": edited["row"], "edited": _merge(edited)})
    joined = rows.join(merged, on="row", how="left", maintain_order="left")
    return joined.select(pl.coalesce("edited", "text").alias(text.name)).to_series()


def _merge(edited: pl.DataFrame) -> pl.Series:
    """The edited texts, one a row, all rows having text and at least one edit."""
    offsets, data = _buffers(edited["text"])
    spans = (
        edited.select("row", "edits", base=pl.Series(offsets[:-1]), end=pl.Series(offsets[1:]))
        .explode("edits")
        .unnest("edits")
        .with_columns(
            start=pl.col("base") + pl.col("start").cast(pl.Int64),
            stop=pl.col("base") + pl.col("stop").cast(pl.Int64),
        )
        .sort("row", "start", "stop", descending=[False, False, True], maintain_order=True)
    )
    _check(spans, data)

    # Rows lie one after the other in the buffer, so one running maximum serves them all.
    reached = spans["stop"].cum_max()
    before = reached.shift(1, fill_value=-1)
    first = (spans["start"] >= before).to_numpy()
    firsts = np.flatnonzero(first)
    lasts = np.append(firsts[1:], len(first)) - 1
    grows = first | (spans["stop"] > before).to_numpy()
    furthest = np.maximum.accumulate(np.where(grows, np.arange(len(first)), 0))[lasts]
    starts, stops = spans["start"].to_numpy()[firsts], reached.to_numpy()[lasts]
    said = spans["replacement"].fill_null("")
    pairs = zip(said.gather(firsts), said.gather(furthest), strict=True)
    replacements = [(one or other).encode() for one, other in pairs]

    whole = memoryview(data.data)
    kept_from = np.append(0, stops).tolist()
    kept_to = np.append(starts, offsets[-1]).tolist()
    pieces: list[bytes | memoryview] = []
    for begin, end, replacement in zip(kept_from, kept_to, [*replacements, b""], strict=True):
        pieces += whole[begin:end], replacement
    grown = np.fromiter(map(len, replacements), np.int64, len(replacements)) - (stops - starts)
    row_of = np.searchsorted(edited["row"].to_numpy(), spans["row"].to_numpy()[firsts])
    lengths = np.diff(offsets)
    np.add.at(lengths, row_of, grown)
    return _series(lengths, b"".join(pieces))


def _buffers(text: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Offsets (int64, rows + 1, from 0) and UTF-8 bytes of a String series without nulls."""
    array = text.rechunk().to_arrow().cast(pa.large_string())
    _, offsets_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64)[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(data_buffer or b"", np.uint8)[offsets[0] : offsets[-1]]
    return offsets - offsets[0], data


def _series(lengths: np.ndarray, data: bytes) -> pl.Series:
    offsets = np.append(0, np.cumsum(lengths))
    buffers = [None, pa.py_buffer(offsets.astype(np.int64)), pa.py_buffer(data)]
    return pl.Series(pa.Array.from_buffers(pa.large_string(), len(lengths), buffers))


def _check(spans: pl.DataFrame, data: np.ndarray) -> None:
    start, stop = spans["start"].to_numpy(), spans["stop"].to_numpy()
    inside = (spans["base"].to_numpy() <= start) & (start <= stop)
    inside &= stop <= spans["end"].to_numpy()
    # A continuation byte is 0b10xxxxxx; a span must not start or stop before one.
    padded = np.append(data, np.uint8(0))
    limit = len(data)
    splits = [(padded[np.clip(at, 0, limit)] & 0xC0) == 0x80 for at in (start, stop)]
    wrong = np.flatnonzero(~inside | splits[0] | splits[1])
    if wrong.size:
        row, base, begin, end = spans.select("row", "base", "start", "stop").row(int(wrong[0]))
        raise ValueError(
            f"row {row}: the edit [{begin - base}, {end - base}) is not a span of whole "
            "characters in its text (offsets are UTF-8 bytes)"
        )
