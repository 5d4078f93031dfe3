"""Bytes of the KV cache against those that transformers' own cache holds after a forward pass."""

from typing import Any

import pytest
import torch
import transformers
from transformers import DynamicCache

from midtrain_dagster.models.kv_cache import kv_cache, kv_cache_of

COMMON = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
}
GQA = {"num_key_value_heads": 2, "head_dim": 16}
MLA = {
    "num_key_value_heads": 4,
    "q_lora_rank": 12,
    "kv_lora_rank": 10,
    "qk_rope_head_dim": 4,
    "qk_nope_head_dim": 6,
    "v_head_dim": 8,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "n_group": 1,
    "topk_group": 1,
    "moe_intermediate_size": 8,
    "first_k_dense_replace": 1,
}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("Llama", {"num_key_value_heads": 4}),
    "llama": ("Llama", {"num_key_value_heads": 2}),
    "qwen3": ("Qwen3", GQA),
    "deepseek_v3": ("DeepseekV3", MLA),
    "mixtral": ("Mixtral", {"num_key_value_heads": 1, "num_local_experts": 2}),
    "gemma3": ("Gemma3Text", {**GQA, "sliding_window": 5, "sliding_window_pattern": 2}),
    "smollm3": (
        "SmolLM3",
        {"num_key_value_heads": 2, "no_rope_layer_interval": 2, "pad_token_id": 0},
    ),
    "mistral": ("Mistral", {"num_key_value_heads": 2, "sliding_window": 6}),
}
BUILT = {"Gemma3Text": "Gemma3"}


def config_of(name: str) -> Any:
    family, fields = MODELS[name]
    return getattr(transformers, f"{family}Config")(**COMMON, **fields)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("length", [1, 4, 11])
def test_bytes_are_those_of_transformers_own_cache(name: str, length: int) -> None:
    config = config_of(name)
    family = BUILT.get(MODELS[name][0], MODELS[name][0])
    model = getattr(transformers, f"{family}ForCausalLM")(config).eval()
    cache = DynamicCache(config=config)
    with torch.no_grad():
        model(torch.arange(length)[None] % 60, past_key_values=cache, use_cache=True)
    tensors = [each for layer in cache.layers for each in (layer.keys, layer.values)]
    held = sum(each.numel() * each.element_size() for each in tensors)
    found = kv_cache(config)
    assert found.at(length, bytes_a_number=4) == held
    assert kv_cache_of(config.to_dict()) == found


@pytest.mark.parametrize(
    ("name", "a_token", "later", "expanded", "plain"),
    [
        # Four layers of four heads of 8 (16 where head_dim says it), two bytes a number.
        ("plain", 512, 512, 512, 512),
        ("llama", 256, 256, 256, 512),
        ("qwen3", 512, 512, 512, 1024),
        # A latent of 10 and a rotated key of 4, against 4 heads of keys of 10 and values of 8.
        ("deepseek_v3", 4 * 14 * 2, 4 * 14 * 2, 4 * 72 * 2, 4 * 72 * 2),
        ("mixtral", 128, 128, 128, 512),
        # Every second layer sees all.
        ("gemma3", 512, 256, 512, 1024),
        ("mistral", 256, 0, 256, 512),
    ],
)
def test_bytes_a_token_beside_the_plain_models(
    name: str, a_token: int, later: int, expanded: int, plain: int
) -> None:
    found = kv_cache(config_of(name))
    shown = (found.a_token, found.a_later_token, found.expanded, found.plain)
    assert shown == (a_token, later, expanded, plain)


def test_deepseek_v3_and_llama_3_are_as_published() -> None:
    """DeepSeek-V3 (arXiv 2412.19437, section 4.2): 61 layers, latent 512, rotated key 64: 70,272
    bytes. Llama-3 70B (arXiv 2407.21783, table 3): 80 layers, 8 heads of 128: 327,680."""
    assert kv_cache(transformers.DeepseekV3Config()).a_token == 61 * (512 + 64) * 2
    fields = {"num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8}
    found = kv_cache(transformers.LlamaConfig(hidden_size=8192, **fields))
    assert (found.a_token, found.plain) == (327_680, 8 * 327_680)


def test_layers_without_attention_keep_nothing_of_a_token() -> None:
    config = transformers.Qwen3NextConfig(
        **COMMON,
        **GQA,
        layer_types=[*["linear_attention"] * 3, "full_attention"],
    )
    found = kv_cache(config)
    assert found.a_token == 2 * 2 * 2 * 16
    assert sum(not layer.numbers for layer in found.layers) == 3


def test_a_config_that_nobody_knows_has_none() -> None:
    assert kv_cache_of({"model_type": "of_its_own", "layers": 3}) is None
    assert kv_cache_of({}) is None
