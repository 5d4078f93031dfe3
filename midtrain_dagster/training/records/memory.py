"""Whether a stage can fit into memory, found out before anything is loaded.

Only what cannot be avoided is counted: weights, gradients and two moments in fp32, what goes into
matrices and comes out of them, kept for the backward pass, and a chunk of logits. So the estimate
is below what a run really takes, by a third or so, and does not refuse one that would fit.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from midtrain_dagster.training.job import Job
from midtrain_dagster.training.model import load_config, new_model
from midtrain_dagster.training.step.cross_entropy import LOGITS
from midtrain_dagster.training.step.parallel import layers
from midtrain_dagster.training.step.update import micro_batches

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux says what a container may use."""

STATUS = Path("/proc/self/status")
"""Where Linux says what a process uses."""

FP32 = 4


class TooLittleMemoryError(RuntimeError):
    """A stage that cannot fit; the message names what takes the memory and what to change."""


@dataclass(frozen=True)
class Estimate:
    """Bytes that a worker needs at least."""

    state: int
    """Weights, gradients and moments: what more workers share under FSDP."""
    activations: int
    """What a micro-batch keeps for its backward pass."""
    logits: int
    """One chunk of them, its logarithms, and the gradient of the head."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.state + self.activations + self.logits


def check_memory(job: Job, *, world_size: int, device: str, neighbours: int = 1) -> None:
    """Raise ``TooLittleMemoryError`` where a stage cannot fit on this worker's device.

    ``neighbours`` are the workers on this machine, this one among them: they share a CPU's memory.
    """
    need = estimate(planned_model(job), job, world_size)
    free = available_memory(device)
    shared = neighbours if device == "cpu" else 1
    if need.total * shared <= free:
        return
    stage = job.stage
    _, windows = micro_batches(stage, world_size)
    raise TooLittleMemoryError(
        f"{job.name}: {f'each of {shared} workers' if shared > 1 else 'a worker'} needs at least "
        f"{_gib(need.total)} (weights, gradients and moments {_gib(need.state)}, activations of a "
        f"micro-batch of {windows * stage.sequence_length:,} tokens {_gib(need.activations)}, "
        f"logits {_gib(need.logits)}), but {device} has {_gib(free)}: {_advice(job, need, windows)}"
    )


def estimate(model: "PreTrainedModel", job: Job, world_size: int) -> Estimate:
    """What training ``model`` (it may be on the meta device) takes at least, a worker."""
    import torch

    stage = job.stage
    parameters = sum(parameter.numel() for parameter in model.parameters())
    shards = world_size if stage.parallel == "fsdp" else 1
    _, windows = micro_batches(stage, world_size)
    tokens = windows * stage.sequence_length
    width = 2 if stage.precision == "bf16" else FP32
    kept = [
        width
        * sum(
            matrix.in_features + matrix.out_features
            for matrix in layer.modules()
            if isinstance(matrix, torch.nn.Linear)
        )
        for layer in layers(model)
    ]
    per_token = sum(kept)
    if stage.activation_checkpointing:
        per_token = FP32 * model.config.hidden_size * len(kept) + max(kept)
    head = model.get_output_embeddings().weight
    chunk = min(LOGITS, tokens * len(head))
    return Estimate(
        state=4 * FP32 * parameters // shards,
        activations=per_token * tokens,
        logits=2 * FP32 * chunk + FP32 * head.numel(),
    )


def planned_model(job: Job) -> "PreTrainedModel":
    """The model of a job on the meta device: names and shapes, no memory."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        if job.start is not None:
            return AutoModelForCausalLM.from_config(load_config(job.start))
        assert job.model is not None
        return new_model(
            job.model,
            vocabulary=job.vocabulary,
            sequence_length=job.stage.sequence_length,
            seed=job.seed,
        )


def available_memory(device: str) -> int:
    """Bytes that are free on a device now; of a CPU, within the container's limit."""
    import psutil
    import torch

    if torch.device(device).type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = int(psutil.virtual_memory().available)
    limit, used = (CGROUP / name for name in ("memory.max", "memory.current"))
    if limit.is_file() and used.is_file() and limit.read_text().strip() != "max":
        # What the container holds of files can be let go.
        statistics = dict(map(str.split, (CGROUP / "memory.stat").read_text().splitlines()))
        held = int(used.read_text()) - int(statistics.get("inactive_file", 0))
        free = min(free, int(limit.read_text()) - held)
    return free


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


def _advice(job: Job, need: Estimate, windows: int) -> str:
    """What to change, as the largest part asks."""
    stage = job.stage
    if need.state >= need.activations:
        if stage.parallel == "fsdp":
            return "raise workers, on more machines or devices, or take a smaller model"
        return "set parallel: fsdp with several workers or devices, or take a smaller model"
    ways = []
    if windows > 1:
        ways.append("lower micro_batch_tokens")
    if not stage.activation_checkpointing:
        ways.append("set activation_checkpointing: true")
    return " or ".join([*ways, "lower sequence_length"])


def _gib(size: int) -> str:
    return f"{size / 2**30:.2f} GiB"
