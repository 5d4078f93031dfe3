"""The Ray that this process starts for itself: on loopback, sized to the machine, gone with it."""

import atexit
import logging
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from midtrain_dagster.core import limits
from midtrain_dagster.core.machine import usable_cores

logger = logging.getLogger(__name__)

THREADS = {"POLARS_MAX_THREADS": "1", "NUMBA_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
"""Libraries that take every core of the machine for themselves, held to the one CPU of a task: as
many tasks as there are cores run at a time, and the sum is what the machine has."""

QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
"""What ``ray.init`` is told, wherever Ray runs."""

_folders: list[Path] = []
"""The folder of the Ray that this process has started, while it runs."""

MEMORY_OF_A_TASK = 256 * 2**20
"""Bytes that are offered at least, or nothing would ever be begun."""

LONGEST = 30
"""Bytes of a folder in which Ray can put its sockets: Linux allows 107 for the whole path."""

STARTS = 3
"""How often Ray is started at most where a machine that is full does not give it its time: Ray 2.60
waits 30 seconds for its node, and no setting makes it more."""

_TIMED_OUT = "timed out during startup"
"""What Ray then says, in a bare Exception."""


def start(object_store_bytes: int) -> None:
    """Start Ray, unless this process already has.

    Raises what ``ray.init`` raises, where it does so each time.
    """
    # Read when ray is imported: without it a node binds to the machine's outer address,
    # whatever `_node_ip_address` says (ray._private.services.get_node_ip_address, 2.60).
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    _give_token()
    import ray

    if ray.is_initialized():
        return
    quieten()
    for left in reversed(range(STARTS)):
        try:
            _start(object_store_bytes)
        except Exception as error:
            _kill_what_began()
            end()
            if not left or _TIMED_OUT not in str(error):
                raise
            logger.warning("Ray did not start in its 30 seconds: the machine is full; once more")
        else:
            return


def _start(object_store_bytes: int) -> None:
    import ray

    folder = _temporary_folder()
    # Workers inherit this process's environment. A runtime environment says the same, but then the
    # workers that Ray starts ahead are of no use to the first tasks, which wait a second or two
    # for others.
    with _environment({**THREADS, "TMPDIR": str(folder)}):
        ray.init(
            "local",
            _temp_dir=str(folder),
            num_cpus=usable_cores(),
            object_store_memory=object_store_bytes,
            _memory=_memory_for_tasks(object_store_bytes),
            include_dashboard=False,
            **QUIET,
        )


def _kill_what_began() -> None:
    """Kill the processes of a Ray that did not come up, which Ray itself leaves until this one
    ends."""
    import psutil

    for process in psutil.Process().children(recursive=True):
        try:
            if any(str(folder) in word for folder in _folders for word in process.cmdline()):
                process.kill()
                process.wait(10)
        except psutil.NoSuchProcess:
            continue


def _temporary_folder() -> Path:
    """A folder for all that our Ray and its workers leave in temporary places: its logs, sockets,
    and what a task had open when it was killed. It is removed when this process ends.

    ``RAY_TMPDIR`` says where it is, as Ray would have it.
    """
    beside = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    if len(os.fsencode(beside)) > LONGEST:
        beside = "/tmp"
    folder = Path(tempfile.mkdtemp(prefix="midtrain-", dir=beside))
    _folders.append(folder)
    # Called before what Ray has registered, since that was earlier.
    atexit.register(end)
    return folder


def end() -> None:
    """Stop our Ray, if there is one, and remove its folder."""
    if not _folders:
        return
    import ray

    atexit.unregister(end)
    ray.shutdown()
    for _ in range(20):
        # The last of its processes may still write while they die.
        for folder in _folders:
            shutil.rmtree(folder, ignore_errors=True)
        _folders[:] = [folder for folder in _folders if folder.exists()]
        if not _folders:
            return
        time.sleep(0.1)


def _give_token() -> None:
    """Hand our Ray the token by which its processes know each other, where it could not keep one
    in ``~/.ray`` as it does."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 (pathlib's raises where there is none)
    named = {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys()
    kept = home / ".ray"
    if not named and not os.access(kept if kept.is_dir() else home, os.W_OK):
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _memory_for_tasks(object_store_bytes: int) -> int | None:
    """Bytes that a control group leaves to tasks; None: Ray counts those of the machine. Ray itself
    looks at the outermost group, which is not always the one that ends what takes too much."""
    import psutil

    left = limits.memory_left()
    if left is None or left >= psutil.virtual_memory().available:
        return None
    return max(MEMORY_OF_A_TASK, left - object_store_bytes)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set some environment variables; afterwards they are as before."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def quieten() -> None:
    """Keep Ray's own notices out of the terminal; its errors reach us as exceptions, and its logs
    are in its session folder."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    for name in ("ray", "ray.data", "ray.train"):
        logging.getLogger(name).setLevel(logging.ERROR)
