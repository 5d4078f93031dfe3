"""What became of the records of each file: how many are documents, and how many were rejected why.

The tables of documents and rejections do not say this: a sample (``take``) keeps a few of the
documents that were found, and a file in which nothing was found is in neither.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

DOCUMENT = "document"
"""The outcome of a record that is a document; all others are reasons for a rejection."""

OUTCOMES = pl.Schema(
    {
        "source": pl.String(),
        "file": pl.String(),
        "outcome": pl.String(),
        "whole": pl.Boolean(),
        "records": pl.UInt32(),
    }
)
"""``whole`` says that the outcome is that of the file (or of all of it from a break on), not of a
row, line or page of it. ``file`` is null for what stands in no file. A file that held nothing has a
row of no records. A file that is read in pieces has rows for each."""


_MOST = 2**32 - 1
"""A corrupt file may claim more."""


class _Outcome(NamedTuple):
    file: str | None
    outcome: str
    whole: bool


class Outcomes:
    """Counts the outcomes of one unit of files."""

    def __init__(self, source_name: str, files: Iterable[str]) -> None:
        self._source = source_name
        self._files = frozenset(files)
        self._counts: Counter[_Outcome] = Counter()

    def count(self, locator: str, outcome: str, records: int = 1) -> None:
        """Count what is at ``locator``: ``FILE`` or ``FILE:PLACE``; either may hold colons."""
        self._counts[_Outcome(*self._place(locator, outcome))] += records

    def _place(self, locator: str, outcome: str) -> tuple[str | None, str, bool]:
        if locator in self._files:
            return locator, outcome, True
        end = len(locator)
        while (end := locator.rfind(":", 0, end)) > 0:
            if locator[:end] in self._files:
                return locator[:end], outcome, False
        return None, outcome, False

    def table(self) -> pl.DataFrame:
        """What was counted, with the columns of OUTCOMES, sorted by file."""
        told = {counted.file for counted in self._counts}
        silent = {_Outcome(file, DOCUMENT, True): 0 for file in self._files - told}
        rows = sorted(
            (self._source, *counted, min(number, _MOST))
            for counted, number in {**self._counts, **silent}.items()
            if counted.file is not None
        )
        rows += sorted(
            (self._source, None, counted.outcome, counted.whole, number)
            for counted, number in self._counts.items()
            if counted.file is None
        )
        return pl.DataFrame(rows, schema=OUTCOMES, orient="row")
