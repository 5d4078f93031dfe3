"""A scan for benchmark items that reads sketches of parts, then the text of candidates only.

It finds what `scan` finds in all documents: what the scan says of a document depends on no other,
and `candidates` leaves out only documents in which it would find nothing. A part of which no
document is a candidate is not opened. Parts are scanned many at a time (`runs_of`), since reading
the items takes longer than the sketch of one.

Every document is read where a sketch cannot tell: by a method whose finds do not begin at a window
of an item's words (`Method.by_windows`), and for items of which a window has fewer words than
`minimisers.WINDOW`, which no method by windows has at its defaults.
"""

import sys
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from midtrain_dagster.core.artifacts import Part
from midtrain_dagster.core.causes import versions_of
from midtrain_dagster.decontamination import scan as scans
from midtrain_dagster.decontamination import sketch as sketches
from midtrain_dagster.decontamination.common_ngrams import COUNTS
from midtrain_dagster.decontamination.method import Method
from midtrain_dagster.decontamination.scan import HITS, scan, searched_of
from midtrain_dagster.decontamination.sketch import read_sketch

if TYPE_CHECKING:
    from midtrain_dagster.decontamination.candidates import Evidence

VERSION = 2
USES = (scans, sketches)

EFFORT = 1 / 16
"""How long a byte takes beside one of curation: of sketches all are read and nothing is computed,
of documents the candidates."""

MOST_PARTS = 64
"""Parts of a run at most."""

BETWEEN_RUNS = 32
"""One part in so many ends a run."""

MOST_SLICES = 8
"""Runs of rows from which all between the first and the last are unpacked: a slice opens the part
anew."""


def scan_by_sketch(
    items: pl.DataFrame,
    *,
    sketch: Path,
    config: Method,
    counting: bool = False,
    **documents: pl.LazyFrame,
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Find benchmark items in parts of documents, each an argument (of any name, in order).

    ``sketch`` is the file of the part's sketch, or the folder of those of all, which sort as the
    parts do. Gives ``hits`` of each part in order, as ``scan.scan`` does, and if it is ``counting``
    ``ngrams``: a document that holds one is a candidate, so that none is missed.
    """
    tables = [each.select("id", "text") for each in documents.values()]
    evidence = _evidence_of(items, config)
    files = sorted(sketch.iterdir()) if sketch.is_dir() else [sketch]
    for table, file in zip(tables, files, strict=True):
        found = table.collect() if evidence is None else _accused(table, file, evidence)
        if found.height:
            yield from scan(found, items, config=config, counting=counting).items()
        else:
            yield "hits", _nothing("hits")
            if counting:
                yield "ngrams", _nothing("ngrams")


@cache
def _nothing(table: Literal["hits", "ngrams"]) -> pl.DataFrame:
    """What most parts have. To make an empty table takes longer than to read a part's sketch."""
    return (HITS if table == "hits" else COUNTS).to_frame()


def _accused(table: pl.LazyFrame, sketch: Path, evidence: "Evidence") -> pl.DataFrame:
    """The documents of a part that may hold something."""
    from midtrain_dagster.decontamination.candidates import candidates

    rows = candidates(read_sketch(sketch), evidence)
    return rows_of(table, rows) if rows.size else pl.DataFrame()


def rows_of(table: pl.LazyFrame, rows: NDArray[np.int64]) -> pl.DataFrame:
    """Rows of a table by their sorted numbers, one at least. Neighbours are read together; of a
    stored part no page is unpacked that has none of them (a filter would unpack every page)."""
    bounds = np.flatnonzero(np.diff(rows) != 1) + 1
    begins, ends = rows[np.r_[0, bounds]], rows[np.r_[bounds - 1, len(rows) - 1]] + 1
    if len(begins) > MOST_SLICES:
        numbers = pl.Series(rows)
        return table.slice(int(rows[0]), int(rows[-1] - rows[0]) + 1).collect()[numbers - rows[0]]
    slices = zip(begins.tolist(), (ends - begins).tolist(), strict=True)
    return pl.concat(table.slice(begin, length).collect() for begin, length in slices)


def runs_of(parts: Sequence[Part]) -> list[list[Part]]:
    """Parts in runs that are scanned at a time, none twice in one. Where one ends is up to its last
    part's digest, so that a part that comes or goes changes few runs."""
    runs: list[list[Part]] = [[]]
    for part in parts:
        if len(runs[-1]) == MOST_PARTS or part.digest in {each.digest for each in runs[-1]}:
            runs.append([])
        runs[-1].append(part)
        if int(part.digest[-8:], 16) % BETWEEN_RUNS == 0:
            runs.append([])
    return [run for run in runs if run]


def is_enough(items: pl.DataFrame, *, config: Method) -> bool:
    """Whether sketches tell which documents may hold the items, or all documents must be read."""
    return _evidence_of(items, config) is not None


def _evidence_of(items: pl.DataFrame, config: Method) -> "Evidence | None":
    """The evidence, where it is all that can be found; None where all documents must be read."""
    if not config.by_windows:
        return None
    stream = BytesIO()
    items.write_ipc(stream)
    evidence = _remembered(stream.getvalue(), type(config), config.model_dump_json())
    return None if evidence.short else evidence


@lru_cache(maxsize=1)
def _remembered(items: bytes, method: type[Method], config: str) -> "Evidence":
    """Remembered from one part of the documents to the next, as the scan's texts are."""
    from midtrain_dagster.decontamination.candidates import evidence_of

    use = method.model_validate_json(config)
    return evidence_of(searched_of(pl.read_ipc(items), config=use))


def versions_for(config: Method) -> dict[str, int]:
    """The versions that the hits of a method depend on, found by sketches."""
    return {**versions_of(sys.modules[__name__]), **config.versions()}
