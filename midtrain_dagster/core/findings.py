"""What a look at the inputs that a recipe names has found: what stops a run, and what is doubtful.

A recipe is checked in two steps. What its sections say of each other is checked when it is loaded,
and no file is read for that (``ROOM/problems.py``). What the files, tables and checkpoints say that
it names is looked at before a run (``ROOM/input_problems.py``): their beginnings, for a look must
cost seconds where the run costs days.
"""

from typing import NamedTuple

from midtrain_dagster.core.problems import Location


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
