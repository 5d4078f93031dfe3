"""The colophon: when, where and how fast a run was made, all that the page says and is no result.

It is another in each run, while equal runs have equal artifacts; so it is no part of the report's
artifact. It is put into a copy of the page when that is made (``page.with_colophon``), and a report
that is found again keeps the copy with the date of its making.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from midtrain_dagster.core.machine import PACKAGE, Machine
from midtrain_dagster.display import numbers
from midtrain_dagster.display.blocks import Block, Cell, Span, Table, columns
from midtrain_dagster.refresh.record import Refreshed

SHOWN = 10
"""Refreshes that are shown, the latest."""


@dataclass(frozen=True)
class Colophon:
    """``seconds`` are what each asset took when it was made, by name, be it in an earlier run;
    assets of which that is not known are left out."""

    date: datetime
    machine: Machine
    seconds: Mapping[str, float] = field(default_factory=dict)
    refreshes: Sequence[Refreshed] = ()
    """What earlier runs have changed, the latest last."""

    @property
    def line(self) -> str:
        """Date, version, machine and duration, in one line."""
        machine = self.machine
        where = f"{machine.processor}, {numbers.counted(machine.cores, 'core')}"
        if machine.gpus:
            where = ", ".join(
                f"{number} x {name}" if number > 1 else name
                for name, number in Counter(machine.gpus).items()
            )
        words = [
            f"Made {self.date:%Y-%m-%d %H:%M %Z} by {PACKAGE} {machine.package}",
            f"on {where}, {numbers.size(machine.memory)} of memory",
        ]
        if self.seconds:
            words.append(f"in {numbers.duration(sum(self.seconds.values()))} of work")
        return " ".join(words) + "."

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The machine with the versions of libraries, and the seconds of each asset."""
        machine = self.machine
        facts = {
            "processor": f"{machine.processor}, {numbers.counted(machine.cores, 'core')}",
            "GPU": ", ".join(machine.gpus) or "none",
            "memory": numbers.size(machine.memory),
            "system": machine.system,
            "Python": machine.python,
            PACKAGE: machine.package,
            **machine.libraries,
        }
        rows: tuple[tuple[Cell, ...], ...] = tuple(
            (Span(name, "strong"), text) for name, text in facts.items()
        )
        blocks: list[Block] = [Table(columns("Made with", ""), rows)]
        if self.seconds:
            longest = sorted(self.seconds.items(), key=lambda each: (-each[1], each[0]))
            timed: tuple[tuple[Cell, ...], ...] = tuple(
                (Span(name, "strong"), numbers.seconds(seconds)) for name, seconds in longest
            )
            blocks.append(Table(columns("Asset, the slowest first", "#Seconds to make"), timed))
        if self.refreshes:
            blocks.append(_refreshes_table(self.refreshes))
        return tuple(blocks)


def _refreshes_table(refreshes: Sequence[Refreshed]) -> Table:
    """The last runs that changed documents, the latest first."""
    heads = columns("Run", "", "#Came", "#Went", "#Decided otherwise", "#Other keepers", "#Seconds")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            Span(each.run, "code"),
            each.when,
            f"{each.came:,}",
            f"{each.went:,}",
            f"{sum(decided.documents for decided in each.decisions):,}",
            f"{each.changed_clusters:,}",
            f"{sum(each.seconds.values()):,.1f}",
        )
        for each in reversed(refreshes[-SHOWN:])
    )
    return Table(heads, rows)
