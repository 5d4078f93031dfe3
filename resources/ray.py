"""Ray as a Dagster resource: our own on this machine, or a cluster's by its address."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Self

import dagster as dg
from dagster_ray import LocalRay
from pydantic import Field

from midtrain_dagster.core.cluster import require_cluster
from midtrain_dagster.core.execution import Execution, InProcess, OnRay
from midtrain_dagster.core.storage import Storage

ADDRESS_VARIABLE = "MIDTRAIN_RAY_ADDRESS"


class RayCluster(LocalRay):
    """Started lazily, on first use, and once a process.

    dagster-ray's ``LocalRay`` connects when a run starts, with ``address=None``, which attaches to
    any other cluster found on the machine. Here nothing starts until a part has to be made, and
    ``"local"`` means a Ray of our own, bound to loopback and sized to the machine.
    """

    address: str = Field(
        default_factory=lambda: os.environ.get(ADDRESS_VARIABLE, "local"),
        description="'local': a Ray of our own; else a cluster's address ('auto' on its head node)",
    )
    mode: Literal["ray", "in_process"] = Field(
        default="ray", description="'in_process' maps parts in a plain loop, to debug a method"
    )

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Self]:
        """Nothing happens when a run starts or ends; Ray lives until the process ends."""
        yield self

    @property
    def ray_address(self) -> str:  # type: ignore[override]
        """The address that is handed to ``ray.init``."""
        return self.address

    def require(self, storage: Storage) -> None:
        """Raise :class:`ClusterError` where there is an address that cannot be worked with."""
        if self.mode == "ray" and self.address != "local":
            require_cluster(self.address, storage)

    def execution(self) -> Execution:
        """Where units of work run."""
        return InProcess() if self.mode == "in_process" else OnRay(self.address)
