"""What a program may take before it is stopped."""

from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel

MEGABYTE = 2**20


class Limits(FrozenModel):
    """Time, memory, processes and output of one program and all that it starts."""

    seconds: float = Field(default=10, gt=0, description="on the clock")
    cpu_seconds: int = Field(default=8, gt=0, description="of a processor, each process")
    memory_bytes: int = Field(
        default=512 * MEGABYTE, gt=0, description="of all processes together, and of each reserved"
    )
    processes: int = Field(default=16, gt=0, description="processes and threads at a time")
    output_bytes: int = Field(
        default=MEGABYTE, gt=0, description="written to stdout and stderr together"
    )
    disk_bytes: int = Field(
        default=64 * MEGABYTE, gt=0, description="of /tmp, of /dev/shm, and of one file"
    )


LIMITS = Limits()
"""Enough for a program that answers a question; a test of what a model wrote needs no more."""
