"""The files below a local folder: each real folder once, and names that are not UTF-8 too.

Links to folders are followed, to one that was walked or that lies above it they are not: a loop of
links would give the same files under ever longer names. Real folders go first, so that a link that
is added changes no file's name. A link to a file is a file.

A name that is not UTF-8 can stand in no table and no recipe, so its wrong bytes are written as
``\\\\xNN`` in the file's name, and as ``%NN`` in its address.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote_from_bytes

from midtrain_dagster.core.source_file import LOCAL_SCHEME


class LocalFile(NamedTuple):
    """A file, or a folder whose name was asked for."""

    name: str
    """Its path below the folder that was walked, which can be printed."""
    uri: str
    bytes: int
    is_folder: bool
    changed: int
    """When, in nanoseconds since 1970."""


def local_files(
    base: str,
    leads: Callable[[Sequence[str]], bool],
    wanted: Callable[[Sequence[str]], bool],
) -> Iterator[LocalFile]:
    """The files and folders below ``base`` that are wanted by the parts of their path.

    Folders are walked where their path ``leads`` to some. Raises OSError for one that cannot be
    read; a link to nothing is passed over.
    """
    walked: set[tuple[int, int]] = set()
    links: list[tuple[str, ...]] = [()]
    above = Path(base).resolve()
    while links:
        folders = [links.pop(0)]
        if folders[0] and _is_above(Path(base, *folders[0]), above):
            continue
        found: list[tuple[str, ...]] = []
        while folders:
            parts = folders.pop()
            path = Path(base, *parts)
            status = path.stat()
            if (status.st_dev, status.st_ino) in walked:
                continue
            walked.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                for entry in sorted(entries, key=lambda each: each.name):
                    below = (*parts, entry.name)
                    kind = _kind(entry)
                    if kind == "folder" and leads(below):
                        (found if entry.is_symlink() else folders).append(below)
                    if kind and wanted(below):
                        yield _listed(base, below, entry, kind == "folder")
        links = sorted([*links, *found])


def printable_path(path: str) -> str:
    """A path with what is not UTF-8 in it as escapes."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _kind(entry: "os.DirEntry[str]") -> str:
    try:
        return "folder" if entry.is_dir() else "file" if entry.is_file() else ""
    except OSError:  # a link that leads to itself
        return ""


def _is_above(link: Path, base: Path) -> bool:
    return base.is_relative_to(link.resolve())


def _listed(
    base: str, parts: Sequence[str], entry: "os.DirEntry[str]", is_folder: bool
) -> LocalFile:
    name = "/".join(parts)
    uri = f"{base.rstrip('/')}/{name}"
    printable = printable_path(name)
    if printable != name:
        uri = LOCAL_SCHEME + quote_from_bytes(os.fsencode(uri))
    status = entry.stat()
    return LocalFile(printable, uri, status.st_size, is_folder, status.st_mtime_ns)
