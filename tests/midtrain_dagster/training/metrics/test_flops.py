"""Model FLOPs by PaLM's formula, counted by hand; and the peaks of devices."""

from typing import Any

import pytest
import torch
import transformers
from torch.utils.flop_counter import FlopCounterMode

from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.training.metrics import flops
from midtrain_dagster.training.metrics.flops import (
    PEAKS,
    data_sheet_peak,
    flops_per_token,
    peak_flops,
    speed_in_bf16,
)


def llama(*, tied: bool) -> Any:
    config = ModelConfig(
        hidden_size=32, layers=3, heads=4, kv_heads=2, intermediate_size=80, tie_embeddings=tied
    )
    return new_model(config, vocabulary=100, sequence_length=64, seed=0)


@pytest.mark.parametrize("tied", [True, False])
def test_flops_of_a_llama_are_those_counted_by_hand(tied: bool) -> None:
    layer = 2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 80
    attention = 12 * 3 * 64 * 32
    assert flops_per_token(llama(tied=tied), 64) == 6 * (3 * layer + 100 * 32) + attention


def test_flops_are_the_matrix_products_that_pytorch_counts() -> None:
    model = llama(tied=False)
    ids = torch.arange(64)[None]
    plain = torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)
    with plain, FlopCounterMode(display=False) as counter:
        model(input_ids=ids, use_cache=False).logits.sum().backward()
    assert counter.get_total_flops() / 64 == pytest.approx(flops_per_token(model, 64), rel=0.01)


def test_flops_count_the_experts_that_a_token_meets() -> None:
    def made(experts: int) -> Any:
        config = transformers.MixtralConfig(
            vocab_size=50,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            num_local_experts=experts,
            num_experts_per_tok=2,
        )
        return transformers.AutoModelForCausalLM.from_config(config)

    more = flops_per_token(made(8), 32) - flops_per_token(made(4), 32)
    assert more == 6 * 2 * 32 * 4, "only the router grows"


def test_flops_of_attention_over_latents_count_what_it_multiplies() -> None:
    config = transformers.DeepseekV3Config(
        vocab_size=50,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=1,
        first_k_dense_replace=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        q_lora_rank=16,
        kv_lora_rank=8,
        qk_nope_head_dim=12,
        qk_rope_head_dim=4,
        v_head_dim=10,
    )
    model = transformers.AutoModelForCausalLM.from_config(config)
    longer = flops_per_token(model, 20) - flops_per_token(model, 10)
    assert longer == 6 * 1 * 10 * 2 * (16 + 10)


def test_peak_flops_are_measured_on_a_cpu_and_on_record_for_gpus() -> None:
    assert peak_flops("cpu", "fp32") > 1e8  # type: ignore[operator]
    assert speed_in_bf16() > 0
    assert all(peak["bf16"] > peak["fp32"] > 1e12 for peak in PEAKS.values())
    names = [set(key.split()) for key in PEAKS]
    for number, words in enumerate(names):
        assert not any(words >= earlier for earlier in names[:number]), "it would never be found"


@pytest.mark.parametrize(("bf16", "peak"), [(2e9, 100e9), (300e9, 300e9)])
def test_the_peak_of_a_cpu_in_bf16_is_never_below_its_peak_in_fp32(
    monkeypatch: pytest.MonkeyPatch, bf16: float, peak: float
) -> None:
    speeds = {"bf16": bf16, "fp32": 100e9}
    monkeypatch.setattr(flops, "_measured", lambda precision, side: speeds[precision])
    assert peak_flops("cpu", "bf16") == peak
    assert speed_in_bf16() == bf16 / 100e9


@pytest.mark.parametrize(
    "name, entry",
    [
        ("NVIDIA B200", "B200"),
        ("NVIDIA H200", "H200"),
        ("NVIDIA H200 NVL", "H200 NVL"),
        ("NVIDIA H100 PCIe", "H100 PCIe"),
        ("NVIDIA H100 NVL", "H100 NVL"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA A100-SXM4-80GB", "A100"),
        ("NVIDIA A100 80GB PCIe", "A100"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA A10G", "A10G"),
        ("AMD Instinct MI300X", "MI300X"),
        ("NVIDIA L40", None),
        ("NVIDIA A10", None),
        ("NVIDIA GH200 480GB", None),
        ("NVIDIA GB200", None),
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", None),
    ],
)
def test_data_sheet_peak_knows_a_gpu_by_whole_words(name: str, entry: str | None) -> None:
    assert data_sheet_peak(name, "bf16") == (entry and PEAKS[entry]["bf16"])
    assert data_sheet_peak(name, "fp32") == (entry and PEAKS[entry]["fp32"])
