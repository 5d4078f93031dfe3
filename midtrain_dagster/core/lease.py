"""A lease on what takes long to make: of several runs on one store, one makes it at a time.

Who wants to make something writes a file of its own (a flag) and then looks for the flags of
others. The store lists what was written before, so of two at least the later sees the earlier, and
never do both go on: each that sees a living other takes its flag back, and waits. It needs nothing
but write, list, read and delete, hence is the same in a folder and on an object store (S3, Google
Cloud Storage and Azure list what is there, without delay).

A flag is renewed while its owner lives. One without a heartbeat for ``STALE_SECONDS`` is removed by
the next who comes, and at once where its process ran on this machine and is no more. So clocks of
machines that share a store have to agree within half a minute.

What is made is written whole or not at all, under its causes. So a lease that is taken from one
that was only asleep costs the work twice, and never makes anything wrong.
"""

import logging
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import uuid4

from pydantic import ValidationError

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.core.room import FullDiskError
from midtrain_dagster.core.storage import Storage, StorageError

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0
"""Between two renewals of a flag."""

STALE_SECONDS = 60.0
"""A flag that is older than this is nobody's."""

WAIT_SECONDS = 1.0
"""Between two looks of one that waits."""

READS = 3
"""How often a flag is read that is there and cannot be read."""


class Holder(FrozenModel):
    """Who holds a lease."""

    host: str
    pid: int
    machine: str
    """What tells machines and containers apart that have one name."""
    process_started: float
    """When the process began, for its number may be another's afterwards."""
    started: datetime
    heartbeat: datetime

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.started.astimezone():%Y-%m-%d %H:%M}"

    @property
    def is_alive(self) -> bool:
        """Whether it still renews its flag, as far as can be known from here."""
        if self.machine == _machine() and not self._runs_here:
            return False
        return self._is_fresh

    @property
    def is_gone(self) -> bool:
        """Whether its process is no more: known on its machine, and elsewhere taken from a flag
        that nobody renews. One that was stopped here (SIGSTOP, a lid that was shut) goes on."""
        return not (self._runs_here if self.machine == _machine() else self._is_fresh)

    @property
    def _runs_here(self) -> bool:
        return _is_running(self.pid, self.process_started)

    @property
    def _is_fresh(self) -> bool:
        # Of one in the future a clock has jumped: its owner would seem alive until then.
        return abs((datetime.now(UTC) - self.heartbeat).total_seconds()) < STALE_SECONDS


@contextmanager
def lease(
    storage: Storage, name: str, on_wait: Callable[[Holder], None] = lambda holder: None
) -> Iterator[None]:
    """Hold the lease ``name`` (a path in the store) for the body.

    Where another holds it, ``on_wait`` is told who, once, and this waits until it is free: then
    what was to be made is most likely there. Raises what the store raises.
    """
    flag = f"leases/{name}.{uuid4().hex}.json"
    started = datetime.now(UTC)
    told: set[tuple[str, int]] = set()
    while True:
        _raise(storage, flag, started)
        try:
            if _other(storage, flag) is None:
                with _renewed(storage, flag, started):
                    yield
                return
        finally:
            storage.delete(flag)
        # Two that came at once both wait, and not for as long as each other.
        time.sleep(WAIT_SECONDS * random.uniform(0.1, 1.0))
        while holder := _other(storage, flag):
            if (who := (holder.machine, holder.pid)) not in told:
                told.add(who)
                on_wait(holder)
            time.sleep(WAIT_SECONDS)


def holders(storage: Storage, name: str) -> list[Holder]:
    """All who have raised a flag for the lease ``name``, dead or alive; nothing is changed."""
    flags = (_holder(storage, path) for path in _flags(storage, name))
    return [holder for holder in flags if isinstance(holder, Holder)]


def clear(storage: Storage, name: str) -> None:
    """Remove the flags of the dead from the lease ``name``."""
    _other(storage, f"leases/{name}.0.json")


def _flags(storage: Storage, name: str) -> list[str]:
    beginning = f"leases/{name}."
    listed = storage.list(beginning.rpartition("/")[0])
    return [path for path in listed if path.startswith(beginning) and path.endswith(".json")]


def _holder(storage: Storage, path: str) -> Holder | Literal["nobody"] | None:
    """Who has raised a flag: nobody that is known to this version; None: it was just taken back.

    One that is renewed while it is read may break off, and is read again.
    """
    for left in reversed(range(READS)):
        try:
            return Holder.model_validate_json(storage.read(path))
        except OSError:
            if storage.size(path) is None:
                return None
            if not left:
                raise
        except ValidationError:
            break  # of another version: nobody renews it in this form
    return "nobody"


def _other(storage: Storage, flag: str) -> Holder | None:
    """Who else has raised a flag and lives; the flags of the dead are removed."""
    name = flag.removeprefix("leases/").rsplit(".", 2)[0]
    for path in _flags(storage, name):
        holder = None if path == flag else _holder(storage, path)
        if isinstance(holder, Holder) and holder.is_alive:
            return holder
        if holder is not None:
            storage.delete(path)
    return None


@contextmanager
def _renewed(storage: Storage, flag: str, started: datetime) -> Iterator[None]:
    """Renew the flag from a thread, while the body runs."""
    finished = threading.Event()

    def renew() -> None:
        while not finished.wait(HEARTBEAT_SECONDS):
            try:
                _raise(storage, flag, started)
            except (OSError, StorageError, FullDiskError) as error:
                # What is being made goes on: it meets the same store, and says what is wrong.
                logger.warning("the lease %s was not renewed: %s", storage.uri(flag), error)

    thread = threading.Thread(target=renew, name=f"heartbeat of {flag}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


def _raise(storage: Storage, flag: str, started: datetime) -> None:
    holder = Holder(
        host=socket.gethostname(),
        pid=os.getpid(),
        machine=_machine(),
        process_started=_started(os.getpid()),
        started=started,
        heartbeat=datetime.now(UTC),
    )
    storage.write(flag, holder.model_dump_json().encode())


def _machine() -> str:
    """The boot of this machine and the space of its process numbers, where Linux says them."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _started(pid: int) -> float:
    import psutil

    return psutil.Process(pid).create_time()


def _is_running(pid: int, started: float) -> bool:
    """Whether that very process runs; one that has ended and was not waited for does not."""
    import psutil

    try:
        process = psutil.Process(pid)
        ended = process.status() == psutil.STATUS_ZOMBIE
        # Both are counted from the boot, by a clock that may have been set since.
        return not ended and abs(process.create_time() - started) < STALE_SECONDS
    except psutil.NoSuchProcess:
        return False
