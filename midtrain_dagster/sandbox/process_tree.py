"""What a process and all below it take of the machine, as ``/proc`` tells it."""

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")


class Taken(NamedTuple):
    """Of all processes together."""

    cpu_seconds: float
    """Those of children that have ended and were waited for are among them."""
    memory_bytes: int
    """What several share is counted once (proportional set size)."""


def taken(process: int) -> Taken:
    """What a process and all below it take now; what ends while it is looked at counts nothing."""
    ticks, memory, waiting = 0, 0, [process]
    while waiting:
        place = Path("/proc", str(waiting.pop()))
        with contextlib.suppress(OSError):
            children = [task.joinpath("children") for task in place.joinpath("task").iterdir()]
            waiting += [int(each) for path in children for each in path.read_text().split()]
            # The name, in brackets, may hold anything; utime to cstime are fields 14 to 17.
            fields = place.joinpath("stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
            lines = place.joinpath("smaps_rollup").read_text().splitlines()
            memory += next(1024 * int(line.split()[1]) for line in lines if line[:4] == "Pss:")
    return Taken(ticks / TICKS, memory)
