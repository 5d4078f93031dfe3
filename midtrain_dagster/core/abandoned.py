"""Folders that a killed process has left in temporary places: those of our own Ray's sessions.

A Ray that is killed leaves its logs, its sockets and what its tasks had open. Such a folder is ours
by its name and by what is in it, and abandoned if no process of this machine names it in its
command line, as each of Ray's does.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path

PREFIX = "midtrain-"
SETTLED_SECONDS = 600.0
"""A younger folder may be one of a Ray that is just being started."""


def abandoned_folders() -> list[Path]:
    """The folders of Ray sessions of ours of which no process lives, sorted."""
    import psutil

    beside = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    found = [
        path
        for path in Path(beside).glob(f"{PREFIX}*")
        if any(path.glob("session_*")) and _is_settled_and_ours(path.stat())
    ]
    if not found:
        return []
    commands = [
        " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])
    ]
    return sorted(path for path in found if not any(str(path) in each for each in commands))


def _is_settled_and_ours(status: os.stat_result) -> bool:
    return status.st_uid == os.getuid() and time.time() - status.st_mtime > SETTLED_SECONDS


def bytes_below(folder: Path) -> int:
    """The sizes of all files below a folder; links are not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*"))


def remove_folder(folder: Path) -> None:
    """Remove a folder; what another process has removed in the meantime is no error."""
    shutil.rmtree(folder, ignore_errors=True)
