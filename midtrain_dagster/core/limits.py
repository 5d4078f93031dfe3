"""What control groups (cgroups) leave this process: of a container, a batch system, a service.

Both versions, and each group that the process's own lies in: the tightest counts. A library that
looks at the machine, or at the outermost group alone, sees more than there is.
"""

from collections.abc import Iterator
from math import ceil
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
NO_LIMIT = 2**62
"""Bytes from which version 1 means that there is none: it has no word for it."""

OWN = Path("/proc/self/cgroup")
"""The groups of this process, a line each: number, controllers (none: version 2), path."""


def cores() -> int | None:
    """The CPUs that the quotas come to, rounded up; None: there is no quota."""
    found = []
    for folder in _folders("cpu"):
        told = _read(folder / "cpu.max") or " ".join(
            _read(folder / name) for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        )
        quota, _, period = told.partition(" ")
        if quota.isdigit() and period.isdigit() and int(quota) and int(period):
            found.append(ceil(int(quota) / int(period)))
    return min(found, default=None)


def memory() -> int | None:
    """The most bytes that this process and its neighbours may take; None: there is no limit."""
    return min((limit for _, limit in _memory_limits()), default=None)


def memory_left() -> int | None:
    """Bytes until a limit is reached; what a group holds of files can be let go, and counts as
    free. None: there is no limit."""
    return min((limit - _held(folder) for folder, limit in _memory_limits()), default=None)


def _memory_limits() -> Iterator[tuple[Path, int]]:
    for folder in _folders("memory"):
        told = _read(folder / "memory.max") or _read(folder / "memory.limit_in_bytes")
        if told.isdigit() and int(told) < NO_LIMIT:
            yield folder, int(told)


def _held(folder: Path) -> int:
    used = _read(folder / "memory.current") or _read(folder / "memory.usage_in_bytes") or "0"
    statistics = dict(line.split() for line in _read(folder / "memory.stat").splitlines())
    files = statistics.get("total_inactive_file", statistics.get("inactive_file", 0))
    return int(used) - int(files)


def _folders(controller: str) -> Iterator[Path]:
    """The folders of the groups that a controller has this process in, the innermost first.

    Inside a container the path may be the host's, of which nothing but the root is seen.
    """
    for line in _read(OWN).splitlines():
        _, controllers, path = line.split(":", 2)
        names = controllers.split(",")
        if controllers and controller not in names:
            continue
        for root in (controllers, controller) if controllers else ("", "unified"):
            base = GROUPS / root
            inner = base / path.lstrip("/")
            yield from (each for each in (inner, *inner.parents) if each.is_relative_to(base))


def _read(file: Path) -> str:
    """A file's text; empty where there is none that can be read."""
    try:
        return file.read_text("ascii").strip()
    except OSError:
        return ""
