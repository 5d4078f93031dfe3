"""What a look at the inputs that a recipe names has found: what stops a run, and what is doubtful.

A recipe is checked in three steps. What its sections say of each other is checked when it is
loaded, and no file is read for that (``ROOM/problems.py``). What the files, tables and checkpoints
say that it names is looked at before a run (``ROOM/input_problems.py``): their beginnings, for a
look must cost seconds where the run costs days. What the token shards say is checked when they are
there, before the first step is trained (``ROOM/preflight.py``).
"""

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from midtrain_dagster.core.problems import Location

FINDINGS = pl.Schema({"place": pl.List(pl.String), "reason": pl.String(), "stops": pl.Boolean()})
"""Findings as a table: the keys on the way to the field, why, and whether it stops a run."""

UNKNOWN = pl.Schema({"place": pl.List(pl.String), "reason": pl.String()})
"""What no look can tell, as a table."""


class Finding(NamedTuple):
    """Something found that does not fit the recipe."""

    place: Location
    """The field that is wrong, or that has to be changed."""
    reason: str
    stops: bool = True
    """Whether no run can go well with it. Otherwise it is told, and the run goes on: an estimate
    may be wrong by a factor, and must not refuse what could be right."""

    def below(self, *place: str | int) -> "Finding":
        """The same, its place being one below another."""
        return self._replace(place=(*place, *self.place))


def doubt(place: Location, reason: str) -> Finding:
    """A finding that is told and stops nothing."""
    return Finding(place, reason, stops=False)


class Unknown(NamedTuple):
    """What no look before a run can tell, and when it is known."""

    place: Location
    reason: str


def findings_table(findings: Iterable[Finding]) -> pl.DataFrame:
    """Findings as ``FINDINGS``, each once, in order."""
    rows = [([*map(str, each.place)], *each[1:]) for each in dict.fromkeys(findings)]
    return pl.DataFrame(rows, FINDINGS, orient="row")


def unknown_table(unknown: Iterable[Unknown]) -> pl.DataFrame:
    """What is not known as ``UNKNOWN``, each once, in order."""
    rows = [([*map(str, each.place)], each.reason) for each in dict.fromkeys(unknown)]
    return pl.DataFrame(rows, UNKNOWN, orient="row")


def findings_of(table: pl.DataFrame) -> list[Finding]:
    """The findings of a table. A key of digits is the number of an item in a list."""
    return [
        Finding(tuple(int(key) if key.isdigit() else key for key in place), reason, stops)
        for place, reason, stops in table.iter_rows()
    ]
