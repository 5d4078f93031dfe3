"""Whether a stage can fit into memory, found out before anything is loaded; and what is free.

The device and the host are looked at apart. A GPU has to hold the training; the host has to hold
what every worker loads, the training itself where there is no GPU, and on rank 0 what a checkpoint
gathers. ``memory_estimate`` counts how much that is at least.
"""

from dataclasses import dataclass
from pathlib import Path

from midtrain_dagster.core import limits
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.metrics.memory_estimate import (
    ACTIVATIONS,
    AGAIN,
    LOGITS_PART,
    MASKS,
    MOMENTS,
    WEIGHTS,
    MemoryEstimate,
    Parts,
    estimate,
    planned_model,
)

STATUS = Path("/proc/self/status")
"""Where Linux says what a process uses."""


class TooLittleMemoryError(RuntimeError):
    """A stage that cannot fit; the message names what takes the memory and what to change."""


@dataclass(frozen=True)
class Peak:
    """A moment at which memory is full, and how to make it less so."""

    parts: Parts
    """Of one worker."""
    workers: int
    """How many of them take as much, of the same memory."""
    when: str
    advice: str

    @property
    def total(self) -> int:
        """Bytes of all those workers."""
        return self.workers * sum(self.parts.values())


def check_memory(job: Job, *, world_size: int, device: str, neighbours: int = 1) -> None:
    """Raise ``TooLittleMemoryError`` where a stage cannot fit on this worker's device or host.

    ``neighbours`` are the workers on this machine, this one among them: they share its memory.
    torch.distributed is asked whether this is rank 0, which gathers checkpoints.
    """
    needed = estimate(planned_model(job), job, world_size, device=device)
    host = _host_peaks(job, needed, neighbours, device)
    training = _training_peaks(job, needed, neighbours, device)
    peaks = {"cpu": host + training} if device == "cpu" else {device: training, "the host": host}
    for place, moments in peaks.items():
        peak = max(moments, key=lambda moment: moment.total)
        free = available_memory("cpu" if place == "the host" else place)
        if peak.total > free:
            who = f"each of {peak.workers} workers" if peak.workers > 1 else "a worker"
            parts = ", ".join(f"{part} {_gib(size)}" for part, size in peak.parts.items() if size)
            raise TooLittleMemoryError(
                f"{job.name}: {who} needs at least {_gib(sum(peak.parts.values()))} {peak.when} "
                f"({parts}), but {place} has {_gib(free)}: {peak.advice}"
            )


def _host_peaks(job: Job, needed: MemoryEstimate, neighbours: int, device: str) -> list[Peak]:
    """Loading, on every worker; and a checkpoint, on the one that gathers it."""
    ways = ["put fewer workers on a machine"] if neighbours > 1 else []
    if needed.loading.get(MOMENTS):
        ways.append("say inherit: {moments: {reset: WHY}}")
    if job.start is not None and job.stage.inherit.weights == "keep" and needed.loading[WEIGHTS]:
        ways.append("store the start's weights in fp32, which are read from their file as needed")
    less = "take a smaller model or a machine with more memory"
    peaks = [Peak(needed.loading, neighbours, "to load", " or ".join([*ways, less]))]
    if _is_rank_0() and needed.gathered:
        resting = needed.resting if device == "cpu" else 0
        parts = {
            "whole weights and moments, gathered": needed.gathered,
            "those of the workers here": neighbours * resting,
        }
        ways = ["put fewer workers on its machine"] if resting and neighbours > 1 else []
        advice = " or ".join([*ways, less])
        peaks.append(Peak(parts, 1, "to write a checkpoint, on rank 0", advice))
    return peaks


def _training_peaks(job: Job, needed: MemoryEstimate, neighbours: int, device: str) -> list[Peak]:
    """A forward pass, and an update."""
    stage = job.stage
    workers, places = (neighbours, "machines") if device == "cpu" else (1, "devices")
    sharded = f"set parallel: fsdp with workers on several {places}"
    if stage.parallel == "fsdp":
        sharded = f"raise workers, on more {places}"
    sharded += ", or take a smaller model"
    ways = []
    if needed.windows > 1:
        ways.append("lower micro_batch_tokens")
    if not stage.activation_checkpointing:
        ways.append("set activation_checkpointing: true")
    of_batch = sum(needed.forward.get(part, 0) for part in (ACTIVATIONS, MASKS, AGAIN, LOGITS_PART))
    state = sum(needed.forward.values()) - of_batch
    shorter = " or ".join([*ways, "lower sequence_length"])
    tokens = needed.windows * stage.sequence_length
    when = f"for a forward pass of {tokens:,} tokens"
    return [
        Peak(needed.forward, workers, when, sharded if state >= of_batch else shorter),
        Peak(needed.update, workers, "for an update", sharded),
    ]


def _is_rank_0() -> bool:
    import torch.distributed

    return not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0


def available_memory(device: str) -> int:
    """Bytes that are free on a device now; of a CPU, within the container's limit."""
    import psutil
    import torch

    if torch.device(device).type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = int(psutil.virtual_memory().available)
    left = limits.memory_left()
    return free if left is None else min(free, left)


def peak_memory(device: str) -> int:
    """The most bytes so far: of tensors on a GPU, of the whole process on a CPU."""
    import resource
    import sys

    import torch

    if torch.device(device).type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if STATUS.is_file():
        # What getrusage says begins with the peak of the process that started this one.
        fields = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _gib(size: int) -> str:
    return f"{size / 2**30:.2f} GiB"
