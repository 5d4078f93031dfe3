"""Whether a disk has room for what will be written: asked before it costs anything."""

import errno
import shutil
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
"""How a write fails where the disk is full, or what one may have of it."""


class FullDiskError(RuntimeError):
    """A disk that has no room; the message names the folder, and says how much there is."""


def free_bytes(folder: str | Path) -> int:
    """What is free on the disk of a folder, which need not be there yet."""
    path = Path(folder).absolute()
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def require_room(folder: str | Path, needed: int, what: str) -> None:
    """Raise :class:`FullDiskError` unless as many bytes as are needed are free."""
    free = free_bytes(folder)
    if free < needed:
        raise FullDiskError(
            f"{folder}: {what} needs {in_units(needed)}, and {in_units(free)} are free on that "
            "disk: free some space, or put the store (MIDTRAIN_ROOT) on a larger one, and run again"
        )


def is_full(error: BaseException) -> bool:
    """Whether an error is that of a full disk. Safetensors has its number in the text alone."""
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    return any(f"os error {number})" in str(error) for number in FULL)


def in_units(size: int) -> str:
    """Bytes for a person."""
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if size >= 10**power:
            return f"{size / 10**power:,.1f} {unit}"
    return f"{size} bytes"
