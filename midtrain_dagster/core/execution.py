"""The seam to Ray: one function, mapped over many units of work.

The same pure function runs in a plain loop (:class:`InProcess`), as Ray tasks on this machine, or
on a cluster (:class:`OnRay` with an address). Ray is started on first use and once a process, so
a run that finds everything made never starts it, nor does one that makes little.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from midtrain_dagster.core import interruption, own_ray

Item = TypeVar("Item")
Result = TypeVar("Result")


class Resources(NamedTuple):
    """What one unit of work asks of a machine: CPUs, and bytes of memory."""

    cpus: int = 1
    memory: int = 0


TRAVELLING = (
    *("AWS_ENDPOINT_URL", "AWS_REGION", "STORAGE_EMULATOR_HOST"),
    *("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ENDPOINT"),
)
"""Environment variables that go to a cluster with what runs there: where stores are. Credentials do
not: Ray shows what goes with a job to whoever sees its dashboard. The nodes have their own."""


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
            own_ray.start(self.object_store_bytes)
            return
        import ray

        if not ray.is_initialized():
            own_ray.quieten()
            variables = {**own_ray.THREADS, **travelling()}
            ray.init(self.address, runtime_env={"env_vars": variables}, **own_ray.QUIET)

    def rest(self) -> bool:
        """Stop the Ray that this process has started: idle, it still takes a tenth of two cores.
        A cluster, and a Ray that somebody else has started, go on as they are."""
        if self.address != "local":
            return False
        own_ray.quieten()  # Ray Train speaks in this process, too
        own_ray.end()
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
