"""What training a token costs in floating-point operations, and what a device could do.

Model FLOPs as in PaLM (Chowdhery et al. 2022, arXiv 2204.02311, appendix B): six for each parameter
that multiplies a token, and ``6 L T (d_qk + d_v)`` over all heads for attention in windows of T.
What is computed again for activation checkpointing does not count, nor does it help that packed
documents attend less far. Embeddings are looked up, not multiplied; of experts, those that a token
meets count.

MFU is the rate of model FLOPs as a share of the devices' peak: of the data sheet for GPUs, dense,
without sparsity. A CPU has no such figure: there it is what a large matrix product reaches at the
start of the run, which other work on the machine lowers.
"""

import time
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Precision = Literal["bf16", "fp32"]

PEAKS: dict[str, dict[Precision, float]] = {
    "B200": {"bf16": 2250e12, "fp32": 75e12},
    "H200 NVL": {"bf16": 835e12, "fp32": 60e12},
    "H200": {"bf16": 989e12, "fp32": 67e12},
    "H100 PCIe": {"bf16": 756e12, "fp32": 51e12},
    "H100 NVL": {"bf16": 835e12, "fp32": 60e12},
    "H100": {"bf16": 989e12, "fp32": 67e12},
    "A100": {"bf16": 312e12, "fp32": 19.5e12},
    "L40S": {"bf16": 362e12, "fp32": 91.6e12},
    "L4": {"bf16": 121e12, "fp32": 30.3e12},
    "A10G": {"bf16": 70e12, "fp32": 35e12},
    "MI300X": {"bf16": 1307e12, "fp32": 163e12},
}
"""FLOP/s by words of the device's name, the first that are all in it; fp32 without tensor cores, as
PyTorch multiplies by default."""

SIDE = 1024
"""Of the matrices whose product measures a CPU."""

SMALL_SIDE = 256
"""Of those that tell fast from slow, in some hundredths of a second at worst."""


def flops_per_token(model: "PreTrainedModel", sequence_length: int) -> float:
    """Model FLOPs of forward and backward pass for one token of a window."""
    import torch

    config = model.config
    looked_up = {
        id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Embedding)
    }
    head = model.get_output_embeddings()
    if head is not None:
        looked_up.discard(id(head.weight))  # tied: looked up, and multiplied as well
    met = _experts_met(config)
    parameters = sum(
        parameter.numel() * (met if ".experts." in name else 1.0)
        for name, parameter in model.named_parameters()
        if parameter.ndim >= 2 and id(parameter) not in looked_up
    )
    return 6 * parameters + 6 * config.num_hidden_layers * sequence_length * _attended(config)


def peak_flops(device: str, precision: Precision) -> float | None:
    """FLOP/s that a device could do at most; None for a GPU that ``PEAKS`` does not name."""
    import torch

    if torch.device(device).type == "cpu":
        return _cpu_peak(precision)
    return data_sheet_peak(torch.cuda.get_device_name(device), precision)


def data_sheet_peak(name: str, precision: Precision) -> float | None:
    """FLOP/s of the GPU that calls itself ``name``; None where ``PEAKS`` has it not.

    Words are compared whole, since an L40 is no L4 and a GH200 no H200; a part of a GPU (MIG) is
    on no data sheet.
    """
    words = set(name.replace("-", " ").split())
    if "MIG" in words:
        return None
    return next((peak[precision] for key, peak in PEAKS.items() if words >= set(key.split())), None)


def _experts_met(config: Any) -> float:
    """The part of the experts that one token meets; 1 for a dense model."""
    names = ("num_experts", "num_local_experts", "n_routed_experts")
    experts = next((n for n in (getattr(config, name, None) for name in names) if n), None)
    return config.num_experts_per_tok / experts if experts else 1.0


def _attended(config: Any) -> int:
    """Components of queries (or keys) and of values, over all heads."""
    heads = config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    queries = getattr(config, "qk_head_dim", None) or size
    values = getattr(config, "v_head_dim", None) or size
    return heads * (queries + values)


def speed_in_bf16() -> float:
    """How many times as fast this CPU multiplies matrices in bf16 as in fp32: up to some 4 where
    it has instructions for it, a fiftieth where torch has to do without."""
    return _measured("bf16", SMALL_SIDE) / _measured("fp32", SMALL_SIDE)


def _cpu_peak(precision: Precision) -> float:
    """Autocast leaves a part in fp32, so that its peak is never below that of fp32."""
    slow = precision == "bf16" and speed_in_bf16() < 1
    return _measured("fp32" if slow else precision, SIDE)


def _measured(precision: Precision, side: int) -> float:
    import torch

    return _multiplied(precision, side, torch.get_num_threads())


@cache
def _multiplied(precision: Precision, side: int, threads: int) -> float:
    """Measured once a process for so many threads: a swarm of small models would wait for it."""
    import torch

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    matrix = torch.ones(side, side, dtype=dtype)
    least = float("inf")
    for _ in range(4):
        begun = time.perf_counter()
        matrix @ matrix
        least = min(least, time.perf_counter() - begun)
    return 2 * side**3 / least
