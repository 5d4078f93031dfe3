"""A sketch of a part of documents: which runs of words stand where in it, in few bits.

It answers one question, where a given text of eight words or more may stand, without the text of
the documents (`candidates`). It knows nothing of any benchmark, so it is made once for a part and
serves every benchmark that comes later.

The words of a part are cut into cells of ``CELL``; each goes on for ``REACH`` words into the next,
so that so many words in a row are in one of them. A **key** is a chosen run (`minimisers`), hashed
to a number below ``hashes``, and a cell in which it begins: ``hash * cells + cell``. The keys are
sorted, each once, and there are ``ROOM`` possible ones for each that is there, so a cell has a
given run by accident in one of so many cases. They are stored by Elias and Fano's code, 15 to 16
bits a key. A key is found in it without unpacking the others (`sketch_keys`), which is why it is no
Parquet column.

Accents count for nothing here: they may be lost (`words`), so that the sketch, which must not miss
what the scan finds, reads words without them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

if TYPE_CHECKING:
    from midtrain_dagster.decontamination.sketch_keys import Keys

VERSION = 2

ROOM = 3 * 2**12
"""Possible keys for each that is there; with more, it is over a quarter of the compressed text."""

PIECE_BYTES = 2**20
"""Text of which the words are in memory at once."""

CELL = 4096
"""Words of a cell, some 25 KB: to read one from a part takes twice as long as to scan it."""

REACH = 16
"""Words of the next cell of which the runs are in a cell, too."""


class Sketch(NamedTuple):
    """The runs of a part of documents."""

    keys: "Keys"
    hashes: int
    """What runs are hashed to is below it."""
    cells: int
    words: NDArray[np.int64]
    """How many each document has."""


def sketch_documents(documents: pl.DataFrame) -> dict[str, bytes]:
    """The sketch of a part of documents, which needs the column text: one file, ``sketch``."""
    return {"sketch": written(sketched(documents["text"]))}


def sketched(texts: pl.Series) -> Sketch:
    """The sketch of texts, in the order in which they stand; null is a text without words."""
    from midtrain_dagster.decontamination.sketch_keys import encoded

    hashes, places = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    counts = [np.empty(0, np.int64)]
    before = 0
    for run_hash, place, words in _runs(texts.cast(pl.String).fill_null("")):
        hashes.append(run_hash)
        places.append(place + before)
        counts.append(words)
        before += int(words.sum())
    cells = before // CELL + 1
    every, place = np.concatenate(hashes), np.concatenate(places)
    limit = max(1, min(2**32 - 1, ROOM * len(every) // cells))
    number = scaled(every, limit)
    is_shared = (place >= CELL) & (place % CELL < REACH)
    own = number * cells + place // CELL
    keys = np.sort(np.r_[own, own[is_shared] - 1])
    distinct = np.ones(len(keys), np.bool_)
    distinct[1:] = keys[1:] != keys[:-1]
    made = encoded(keys[distinct], limit * cells)
    return Sketch(made, limit, cells, np.concatenate(counts))


def cells_of(
    sketch: Sketch, hashes: NDArray[np.uint64]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """The cells that have each of sorted hashes of runs: (cells, begins, ends).

    Those of a hash are ``cells[begins:ends]``, in order.
    """
    from midtrain_dagster.decontamination.sketch_keys import within

    return within(sketch.keys, scaled(hashes, sketch.hashes) * sketch.cells, sketch.cells)


def scaled(hashes: NDArray[np.uint64], limit: int) -> NDArray[np.int64]:
    """Hashes as numbers below ``limit`` (at most 32 bits), in the same order."""
    half = np.uint64(32)
    return ((hashes >> half) * np.uint64(limit) >> half).astype(np.int64)


def written(sketch: Sketch) -> bytes:
    """The sketch as a file: seven numbers, the documents' words (zstd), low bits, high bits."""
    keys = sketch.keys
    words = pa.compress(sketch.words.astype("<i4").tobytes(), codec="zstd", asbytes=True)
    numbers = [
        len(sketch.words), len(words), len(keys.low), keys.low_bits,
        keys.total, sketch.hashes, sketch.cells,
    ]  # fmt: skip
    head = np.array(numbers, "<i8").tobytes()
    return head + keys.low.tobytes() + keys.high.tobytes() + words


def read_sketch(file: Path) -> Sketch:
    """The sketch in a file."""
    from midtrain_dagster.decontamination.sketch_keys import Keys

    data = file.read_bytes()
    documents, packed, low, low_bits, count, hashes, cells = np.frombuffer(data, "<i8", 7).tolist()
    bits = np.frombuffer(data, np.uint64, (len(data) - packed) // 8 - 7, offset=56)
    size = 4 * documents
    words = pa.decompress(data[len(data) - packed :], size, codec="zstd", asbytes=True)
    counts = np.frombuffer(words, "<i4").astype(np.int64)
    return Sketch(Keys(bits[low:], bits[:low], low_bits, count), hashes, cells, counts)


def _runs(
    texts: pl.Series,
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]]:
    """The chosen runs' hashes, their first words and each text's words, a piece at a time."""
    from midtrain_dagster.decontamination.minimisers import new_runs
    from midtrain_dagster.decontamination.words import read_words

    row = 0
    for length in (texts.str.len_bytes().cum_sum() // PIECE_BYTES).rle().struct.field("len"):
        words = read_words(texts.slice(row, length))
        row += length
        yield *new_runs(words), np.diff(words.first)
