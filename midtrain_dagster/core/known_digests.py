"""Digests of files outside the store, read once as long as the files stay as they are.

A file that has the path, size, time of change and inode that it had when it was last read is taken
to hold what it held, as git and make do. A file that changed within the last seconds is read again
the next time: a second change could have the same time. What was read is kept for this process,
and in a list on disk if :func:`remember_in` named one.
"""

import time
from pathlib import Path
from threading import Lock

from midtrain_dagster.core.causes import file_digest
from midtrain_dagster.core.system_files import own_files

SETTLED_NS = 2 * 10**9
"""A file has to be this old before its digest is believed; some disks count time in seconds."""

Seen = tuple[int, int, int]
"""Size, time of change in nanoseconds, inode."""


class _Known:
    def __init__(self) -> None:
        self.digests: dict[str, tuple[Seen, str]] = {}
        self.file: Path | None = None
        self.lock = Lock()


_known = _Known()


def remember_in(file: Path) -> None:
    """Read the digests listed in ``file``, and add to it what is read from now on.

    Its folder must exist. Several processes may add to it at a time: a line is one write.
    """
    with _known.lock:
        if _known.file == file:
            return
        _known.file = file
        if not file.exists():
            return
        for line in file.read_text(errors="surrogateescape").splitlines():
            match line.split("\t", 4):
                # Whatever else stands there is a line that a process did not finish.
                case [digest, *numbers, path] if len(digest) == 32 and _are_numbers(numbers):
                    size, changed, inode = map(int, numbers)
                    _known.digests[path] = ((size, changed, inode), digest)


def known_digest(path: Path) -> str:
    """The content digest of a local file, read only if it is not known or the file has changed."""
    key = str(path.resolve())
    status = path.stat()
    seen = (status.st_size, status.st_mtime_ns, status.st_ino)
    found = _known.digests.get(key)
    if found and found[0] == seen:
        return found[1]
    digest = file_digest(path)
    if time.time_ns() - status.st_mtime_ns > SETTLED_NS:
        _remember(key, seen, digest)
    return digest


def folder_digests(folder: Path) -> dict[str, str]:
    """The content digest of each file below a folder, by its path in it."""
    return {
        str(path.relative_to(folder)): known_digest(path)
        for path in sorted(own_files(folder, "**/*"))
        if path.is_file()
    }


def _are_numbers(texts: list[str]) -> bool:
    return len(texts) == 3 and all(text.isdigit() for text in texts)


def _remember(key: str, seen: Seen, digest: str) -> None:
    with _known.lock:
        _known.digests[key] = (seen, digest)
        if _known.file is None or "\n" in key:
            return
        line = "\t".join((digest, *map(str, seen), key)) + "\n"
        with _known.file.open("ab", buffering=0) as handle:
            handle.write(line.encode(errors="surrogateescape"))
