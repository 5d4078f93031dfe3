"""A folder that is whole or not there, even where several processes make the same one.

A run that was taken for dead may live yet, and write what its successor writes too. So each writes
beside, under a name of its own, and a rename makes the folder: the first to be whole is it. The
price is the disk for as many copies as there are writers, and after a kill for what it has left,
until somebody who knows that it is of no use calls ``discard``.
"""

import errno
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from midtrain_dagster.core.room import FullDiskError, free_bytes, in_units, is_full

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

logger = logging.getLogger(__name__)

DAMAGED = "damaged-"
"""Put before the name of a folder that was refused."""


def partial_folder(folder: Path) -> Path:
    """Where one write of a folder happens: hidden beside it, never the same place twice."""
    return folder.with_name(f".{folder.name}.{uuid4().hex}.partial")


@contextmanager
def made_whole(folder: Path, is_there: Callable[[], bool]) -> Iterator[Path]:
    """Give a new folder to write into; afterwards its files are synced, and it is renamed.

    ``is_there`` says whether ``folder`` exists as it is to be, made by another process: then that
    one stays, even if this write fails. Anything else of that name is put aside. What was written
    is gone afterwards if it was not renamed. Raises what writing raises, and ``OSError``; where the
    disk is full :class:`FullDiskError`.
    """
    partial = partial_folder(folder)
    try:
        partial.mkdir(parents=True)
        yield partial
        for path in (*partial.iterdir(), partial):
            _sync(path)
        _rename(partial, folder, is_there)
    except Exception as error:
        # Who was first may have discarded this write while it was going on.
        if not is_there():
            if is_full(error):
                raise FullDiskError(
                    f"{folder} could not be written: its disk is full "
                    f"({in_units(free_bytes(folder))} free). Nothing half-written is left: free "
                    "some space, and run again"
                ) from error
            raise
        logger.warning("%s: another process made it first; this write failed: %s", folder, error)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def discard(partial: Path) -> None:
    """Remove what a write has left.

    It is renamed first, so that a writer that lives yet fails at its next file: of what a removal
    has not reached it could make a folder that lacks the rest.
    """
    unknown = partial_folder(partial.with_name(partial.name.split(".")[1]))
    with suppress(FileNotFoundError):
        partial.rename(unknown)
    shutil.rmtree(unknown, ignore_errors=True)


def put_aside(files: "FileSystem", path: str) -> None:
    """Rename a folder that is refused to ``damaged-NAME``, over one put aside before.

    On an object store, which renames no folders, it is removed. One that another process has taken
    away in the meantime is no error.
    """
    from pyarrow.fs import FileType, LocalFileSystem

    if not isinstance(files, LocalFileSystem):
        files.delete_dir(path)
        return
    root, name = path.rsplit("/", 1)
    aside = f"{root}/{DAMAGED}{name}"
    with suppress(FileNotFoundError):
        if files.get_file_info(aside).type != FileType.NotFound:
            files.delete_dir(aside)
        files.move(path, aside)


def _rename(partial: Path, folder: Path, is_there: Callable[[], bool]) -> None:
    from pyarrow.fs import LocalFileSystem

    while True:
        try:
            # Not looked first whether it exists: another process could make it in between.
            partial.rename(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            if is_there():
                return
            logger.warning("%s exists, but not as it is to be: it is put aside", folder)
            put_aside(LocalFileSystem(), str(folder.absolute()))
        else:
            _sync(folder.parent)
            return


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
