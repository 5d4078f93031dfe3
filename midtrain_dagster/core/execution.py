"""The seam to Ray: one function, mapped over many units of work.

The same pure function runs in a plain loop (:class:`InProcess`), as Ray tasks on this machine, or
on a cluster (:class:`OnRay` with an address). Ray is started on first use and once a process, so
a run that finds everything made never starts it, nor does one that makes little.
"""

import atexit
import logging
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from midtrain_dagster.core import interruption, limits
from midtrain_dagster.core.machine import usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")


class Resources(NamedTuple):
    """What one unit of work asks of a machine: CPUs, and bytes of memory."""

    cpus: int = 1
    memory: int = 0


THREADS = {"POLARS_MAX_THREADS": "1", "NUMBA_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
"""Libraries that take every core of the machine for themselves, held to the one CPU of a task: as
many tasks as there are cores run at a time, and the sum is what the machine has."""

TRAVELLING = (
    *("AWS_ENDPOINT_URL", "AWS_REGION", "STORAGE_EMULATOR_HOST"),
    *("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ENDPOINT"),
)
"""Environment variables that go to a cluster with what runs there: where stores are. Credentials do
not: Ray shows what goes with a job to whoever sees its dashboard. The nodes have their own."""

_folders: list[Path] = []
"""The folder of the Ray that this process has started, while it runs."""

MEMORY_OF_A_TASK = 256 * 2**20
"""Bytes that are offered at least, or nothing would ever be begun."""

LONGEST = 30
"""Bytes of a folder in which Ray can put its sockets: Linux allows 107 for the whole path."""


class Execution(Protocol):
    """Where units of work run."""

    def map(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        resources: Sequence[Resources] | None = None,
        *,
        is_little: bool = False,
    ) -> Iterator[tuple[int, Result]]:
        """Apply the function to every item; yields (position, result) as they finish.

        ``resources`` are what each item asks for; none: one CPU each. All of it ``is_little`` if it
        takes less than starting Ray does.
        """
        ...

    def start(self) -> None:
        """Make sure that Ray runs, for the methods that speak to Ray Data or Ray Train."""
        ...

    def rest(self) -> bool:
        """Leave the machine to this process, until the next unit of work; whether that can be."""
        ...


class InProcess:
    """A plain loop: for tests of methods, and for debugging with a debugger."""

    def map(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        resources: Sequence[Resources] | None = None,
        *,
        is_little: bool = False,
    ) -> Iterator[tuple[int, Result]]:
        """Apply the function to every item in order; nothing else is looked at."""
        for position, item in enumerate(items):
            yield position, function(item)

    def start(self) -> None:
        """Nothing to start."""

    def rest(self) -> bool:
        """Nothing to stop."""
        return True


class OnRay:
    """Ray tasks, one an item, at most as many in flight as the cluster has CPUs (twice over).

    ``address`` is ``"local"`` for a Ray of our own on this machine, sized to it and bound to
    loopback (never a stranger's cluster that happens to run here), or a cluster's address.
    """

    def __init__(self, address: str = "local", object_store_bytes: int = 512 * 2**20) -> None:
        self.address = address
        self.object_store_bytes = object_store_bytes

    def start(self) -> None:
        """Start Ray or connect to the cluster, unless this process already has."""
        if self.address == "local":
            # Read when ray is imported: without it a node binds to the machine's outer address,
            # whatever `_node_ip_address` says (ray._private.services.get_node_ip_address, 2.60).
            os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
            _give_token()
        import ray

        if ray.is_initialized():
            return
        _quieten()
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if self.address != "local":
            variables = {**THREADS, **travelling()}
            ray.init(self.address, runtime_env={"env_vars": variables}, **options)
            return
        folder = _temporary_folder()
        # Workers of a Ray of our own inherit this process's environment. A runtime environment
        # says the same, but then the workers that Ray starts ahead are of no use to the first
        # tasks, which wait a second or two for others.
        with _environment({**THREADS, "TMPDIR": str(folder)}):
            ray.init(
                "local",
                _temp_dir=str(folder),
                num_cpus=usable_cores(),
                object_store_memory=self.object_store_bytes,
                _memory=_memory_for_tasks(self.object_store_bytes),
                include_dashboard=False,
                **options,
            )

    def rest(self) -> bool:
        """Stop the Ray that this process has started: idle, it still takes a tenth of two cores.
        A cluster, and a Ray that somebody else has started, go on as they are."""
        if self.address != "local":
            return False
        _quieten()  # Ray Train speaks in this process, too
        if _folders:
            _end()
        return True

    def map(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        resources: Sequence[Resources] | None = None,
        *,
        is_little: bool = False,
    ) -> Iterator[tuple[int, Result]]:
        """Apply the function to every item, one Ray task each; yields in order of completion.

        A task that asks for more than the largest machine has gets all that it has, for Ray would
        wait for the rest for ever. What is little is done in this process, unless a Ray is there.
        """
        if not items:
            return
        if is_little and self.address == "local" and not _is_there():
            yield from InProcess().map(function, items)
            return
        self.start()
        import ray

        def task(item: Any) -> Any:
            # Ray takes functions, not callable objects.
            return function(item)

        remote: Any = ray.remote(max_retries=2)(task)
        limit = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        most = Resources(
            *(int(max(node.get(kind, 0) for node in nodes)) for kind in ("CPU", "memory"))
        )
        waiting = iter(enumerate(items))
        flying: dict[Any, int] = {}
        while True:
            for position, item in waiting:
                asked = resources[position] if resources else Resources()
                cpus, memory = map(min, asked, most)
                submitted = remote.options(num_cpus=cpus, memory=memory or None).remote(item)
                flying[submitted] = position
                if len(flying) >= limit:
                    break
            if not flying:
                return
            with interruption.plain():
                done, _ = ray.wait(list(flying), num_returns=1)
            for reference in done:
                yield flying.pop(reference), _unwrapped(reference)


def _is_there() -> bool:
    """Whether this process has a Ray; without importing it, which takes a second by itself."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


def travelling() -> dict[str, str]:
    """The environment variables that are set here and go to a cluster (``TRAVELLING``)."""
    return {name: os.environ[name] for name in TRAVELLING if name in os.environ}


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
    atexit.register(_end)
    return folder


def _end() -> None:
    """Stop our Ray, and remove its folder."""
    import ray

    atexit.unregister(_end)
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


def _quieten() -> None:
    """Keep Ray's own notices out of the terminal; its errors reach us as exceptions, and its logs
    are in its session folder."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    for name in ("ray", "ray.data", "ray.train"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _unwrapped(reference: Any) -> Any:
    """A task's result; its own error, not Ray's wrapping of it, when it failed."""
    import ray
    from ray.exceptions import RayTaskError

    try:
        with interruption.plain():
            return ray.get(reference)
    except RayTaskError as error:
        if isinstance(error.cause, Exception):
            raise error.cause from error
        raise
