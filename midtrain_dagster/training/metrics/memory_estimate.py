"""What a stage needs of memory at least, counted from shapes and headers: nothing is loaded.

Only what cannot be avoided is counted, at each moment that may be the fullest. Weights, gradients
and moments (AdamW's two, Muon's one) are fp32. A forward pass keeps what goes into matrices and
comes out of them, and a chunk of logits. Short windows of packed documents, and all of a model that
does not attend by documents (``models.attention``), have an attention mask [n, 1, L, L], which SDPA
turns into the numbers of the queries (4 bytes, 2 in bf16) and keeps for every layer. So the
estimate is below what a run really takes, by a third or so, and does not refuse one that would fit.

Not counted is what stays in its file: kept fp32 weights, and moments of safetensors files and of
``optimizer.pt``, are mapped, and the system takes such pages back when it wants them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from midtrain_dagster.models.attention.carried import may_be_carried
from midtrain_dagster.models.attention.within import SHORT
from midtrain_dagster.models.load import load_config
from midtrain_dagster.models.new import new_model
from midtrain_dagster.training.gradient import micro_batches
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.optimizers.method import kept_numbers
from midtrain_dagster.training.step.cross_entropy import LOGITS
from midtrain_dagster.training.step.parallel import layers
from midtrain_dagster.training.transition.foreign_moments import find_moments, moments_of

if TYPE_CHECKING:
    from torch.nn import Module
    from transformers import PreTrainedModel

FP32 = 4

Parts = dict[str, int]
"""Bytes by what takes them."""

WEIGHTS, MOMENTS = "whole weights in fp32", "whole moments"
STATE, RESTING = "weights, gradients and moments", "weights and moments"
ACTIVATIONS, MASKS, LOGITS_PART = "activations", "attention masks", "logits"
AGAIN = "a layer computed again"


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that a worker needs at least, at the moments that may be the fullest."""

    loading: Parts
    """On the host, until the model is sharded or on its device."""
    windows: int
    """Of a micro-batch."""
    forward: Parts
    """On the device, at the end of a forward pass."""
    update: Parts
    """On the device, when all gradients are there."""
    resting: int
    """On the device, between two steps: weights and moments."""
    gathered: int
    """On the host of rank 0, at a checkpoint: whole weights and moments that are not there yet."""


def estimate(
    model: "PreTrainedModel", job: Job, world_size: int, *, device: str = "cpu"
) -> MemoryEstimate:
    """What training ``model`` (it may be on the meta device) takes at least.

    Raises ``CheckpointError`` for moments that cannot be read, ``MixtureError`` for documents that
    cannot be planned, as training itself would.
    """
    stage = job.stage
    whole = FP32 * sum(parameter.numel() for parameter in model.parameters())
    kept = whole + FP32 * kept_numbers(stage.optimizer, model)
    shards = world_size if stage.parallel == "fsdp" else 1
    # A step that measures the noise scale has two micro-batches at least.
    count, windows = micro_batches(stage, world_size, split=stage.noise_scale_every == 1)
    # DDP's buckets hold gradients for good; else they begin with the first backward pass.
    held = count > 1 or (stage.parallel == "ddp" and world_size > 1)
    state = {STATE: (whole + kept) // shards} if held else {RESTING: kept // shards}
    is_there = device == "cpu" and shards == 1
    return MemoryEstimate(
        loading=_loading(model, job, whole),
        windows=windows,
        forward=state | _forward(model, job, world_size, windows),
        update={STATE: (whole + kept) // shards},
        resting=kept // shards,
        gathered=0 if is_there else kept,
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


def _loading(model: "PreTrainedModel", job: Job, whole: int) -> Parts:
    parts = {WEIGHTS: whole}
    if job.start is None:
        return parts
    if job.stage.inherit.weights == "keep":
        parts[WEIGHTS] = min(whole, _converted(job))
    found = find_moments(job.start) if job.stage.inherit.takes_moments else None
    if found is not None and found.is_dir():
        # A DCP folder; its tensors are put together from pieces.
        read = moments_of(job.start, model, shapes_only=True)
        tensors = [*read.first.values(), *read.second.values(), *read.momentum.values()]
        parts[MOMENTS] = sum(tensor.nbytes for tensor in tensors)
    return parts


def _converted(job: Job) -> int:
    """Bytes in fp32 of the start's weights that are stored in another type."""
    from math import prod

    from safetensors import SafetensorError, safe_open

    assert job.start is not None
    size = 0
    for file in job.start.glob("model*.safetensors"):
        try:
            with safe_open(file, framework="pt") as opened:
                for name in opened.keys():  # noqa: SIM118 (it is no mapping)
                    tensor = opened.get_slice(name)
                    size += FP32 * prod(tensor.get_shape()) * (tensor.get_dtype() != "F32")
        except (OSError, SafetensorError):
            continue  # what is damaged is refused when it is loaded
    return size


def _forward(model: "PreTrainedModel", job: Job, world_size: int, windows: int) -> Parts:
    stage = job.stage
    tokens = windows * stage.sequence_length // stage.context_parallel
    width = 2 if stage.precision == "bf16" else FP32
    found = layers(model)
    of_layer = [width * tokens * _kept(layer) for layer in found]
    mask = 0
    if stage.sequence_length <= SHORT or not may_be_carried(model):
        mask = windows * stage.sequence_length**2 * _has_mask(job, world_size, windows)
    attending = sum(_attends(layer) for layer in found)
    head = model.get_output_embeddings().weight
    logits = {LOGITS_PART: 2 * FP32 * min(LOGITS, tokens * len(head)) + FP32 * head.numel()}
    if not stage.activation_checkpointing:
        masks = {MASKS: width * mask * attending}
        return {ACTIVATIONS: sum(of_layer)} | masks | logits
    inputs = {ACTIVATIONS: FP32 * model.config.hidden_size * tokens * len(found)}
    # Each layer gets the mask itself, one byte an entry, and turns it into numbers anew.
    masks = {MASKS: mask if attending else 0}
    again = {AGAIN: max(of_layer) + (width * mask if attending else 0)}
    return inputs | masks | max(logits, again, key=lambda parts: sum(parts.values()))


def _kept(layer: "Module") -> int:
    """Numbers that go into a layer's matrices and come out of them, a token."""
    import torch

    return sum(
        matrix.in_features + matrix.out_features
        for matrix in layer.modules()
        if isinstance(matrix, torch.nn.Linear)
    )


def _attends(layer: "Module") -> bool:
    """Whether a layer attends by SDPA; transformers marks what does, and no recurrence."""
    return any(hasattr(part, "is_causal") for part in layer.modules())


def _has_mask(job: Job, world_size: int, size: int) -> bool:
    """Whether a full micro-batch of the first of the largest steps has a mask.

    transformers makes one for all windows as soon as one is not a single piece of its length
    (``masking_utils.find_packed_sequence_indices``); otherwise causality is enough.
    """
    plan = job.plan(job.open_shards())
    length, batches = job.stage.sequence_length, job.stage.batches
    step = batches.first[batches.sizes.index(max(batches.sizes))]
    for rank in range(world_size):
        slots = plan.slots(rank, world_size, step)
        # A last micro-batch that is smaller has a smaller mask.
        for slot in slots[: len(slots) // size * size]:
            if [stop - start for _, start, stop in plan.window(step, slot).spans] != [length]:
                return True
    return False
