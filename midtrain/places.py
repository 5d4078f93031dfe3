"""Where a command works: the store, the Dagster instance, and what is written for a while.

Each of them is tried before anything else, for what stands there in the end is said by some library
in the middle of a run, in its own words.
"""

import os
import re
import tempfile
from pathlib import Path

from midtrain_dagster.core.filesystem import AccessError, located, looked_at
from midtrain_dagster.core.storage import Storage, StorageError

PROJECT = Path(__file__).parents[1]

ROOT, HOME, TEMPORARY = "MIDTRAIN_ROOT", "DAGSTER_HOME", "TMPDIR"

INSTANCE = """\
# The Dagster instance of this store; Dagster's documentation says what else may stand here.
telemetry: {enabled: false}
# Of runs that train, one at a time is launched; the others stand in the queue. For another number:
# `dagster instance concurrency set training 2`, or Deployment > Concurrency in the UI.
concurrency:
  pools: {default_limit: 1, granularity: run}
"""

_NO_NAME_FOR_DAGSTER = re.compile(r"[*?\[]|%[0-9A-Fa-f]{2}")
"""What Dagster reads as a pattern where it looks for its settings, and as an escape or the end in
the address of its database."""


class PlaceError(RuntimeError):
    """A folder that cannot be worked in; the message says which variable names another."""


def settle() -> None:
    """Say in the environment where store and instance are, and make the instance's folder.

    Raises :class:`PlaceError` where one of them, or the folder for temporary files, is of no use.
    """
    try:
        storage = Storage(root=os.environ.get(ROOT) or "store")
        is_local = storage.is_local
    except StorageError as error:
        raise PlaceError(f"{ROOT}: {error}") from error
    if not is_local and HOME not in os.environ:
        raise PlaceError(f"with the store at {storage.root}, {HOME} must name a folder")
    if is_local:
        _made(Path(storage.root), ROOT)
    else:
        _require_bucket(storage.root)
    os.environ[ROOT] = storage.root
    home = Path(located(os.environ.get(HOME) or f"{storage.root}/.dagster", Path.cwd())).resolve()
    if found := _NO_NAME_FOR_DAGSTER.search(str(home)):
        raise PlaceError(
            f"{home}: Dagster cannot keep its instance in a folder with {found[0]!r} in its path: "
            f"let {HOME} name another (the store may stay where it is)"
        )
    _made(home, HOME)
    os.environ[HOME] = str(home)
    settings = home / "dagster.yaml"
    if not settings.exists():
        settings.write_text(INSTANCE)
    # torch makes this folder when it is imported; it would stay in a temporary one.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(home / "torchinductor"))
    _keep_caches(home)
    _try_temporary()


def _require_bucket(root: str) -> None:
    """Ask an object store for the bucket. Nothing is written before something is made."""
    from pyarrow.fs import FileType

    scheme, _, rest = root.partition("://")
    bucket = f"{scheme}://{rest.partition('/')[0]}"
    try:
        found = looked_at(bucket, lambda files, path: files.get_file_info(path).type)
    except AccessError as error:
        raise PlaceError(f"{ROOT}: {error}") from error
    if found == FileType.NotFound:
        raise PlaceError(f"{ROOT}: {root}: there is no bucket {bucket}: make it, or name another")


def _keep_caches(home: Path) -> None:
    """Where the user's own folder cannot be written, matplotlib would warn and draw up its fonts
    in every process, and numba compile every kernel: what they keep lies beside the instance."""
    if _can_be_written(Path(located("~/.cache", home))):
        return
    os.environ.setdefault("MPLCONFIGDIR", str(home / "matplotlib"))
    if not _can_be_written(PROJECT):
        os.environ.setdefault("NUMBA_CACHE_DIR", str(home / "numba"))


def _can_be_written(folder: Path) -> bool:
    """Whether something can be written into a folder, or in the place where it would be made."""
    while not folder.exists():
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _made(folder: Path, variable: str) -> None:
    """Make a folder, and try to write in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _try(folder)
    except OSError as error:
        reason = error.strerror or error
        raise PlaceError(
            f"{folder} cannot be written: {reason}; mend it, or let {variable} name another folder"
        ) from error


def _try_temporary() -> None:
    """Try the folder for temporary files, from which Python alone would silently turn to another
    where it is missing or full."""
    named = os.environ.get(TEMPORARY)
    try:
        if named:
            _try(Path(named))
        else:
            tempfile.gettempdir()
    except OSError as error:
        place = named or "temporary files"
        raise PlaceError(
            f"{place}: {error.strerror or error}: make it, free some space there, or let "
            f"{TEMPORARY} name another folder"
        ) from error


def _try(folder: Path) -> None:
    """Write something into a folder; nothing stays. Raises ``OSError``."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"." * 4096)
