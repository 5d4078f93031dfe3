"""Tiny models of real families: with a plain head, and with one that scales or caps its logits."""

from typing import Any

import pytest
import torch
import transformers

SIZES = {
    "vocab_size": 61,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
PLAIN: dict[str, dict[str, Any]] = {
    "LlamaConfig": {},
    "Qwen3Config": {"head_dim": 8},
    "Olmo2Config": {},
    "MixtralConfig": {"num_local_experts": 4, "num_experts_per_tok": 2},
}
OTHERS: dict[str, dict[str, Any]] = {
    "Gemma2Config": {"head_dim": 8, "query_pre_attn_scalar": 8, "final_logit_softcapping": 30.0},
    "Gemma3TextConfig": {"head_dim": 8, "final_logit_softcapping": 30.0},
    "GraniteConfig": {"logits_scaling": 8.0},
    "CohereConfig": {"logit_scale": 0.0625},
    "PhiConfig": {},
}


@pytest.fixture(scope="session", params=[*PLAIN, *OTHERS])
def family(request: pytest.FixtureRequest) -> tuple[Any, bool]:
    """A model with random weights, and whether its head is plain."""
    name = request.param
    config = getattr(transformers, name)(**SIZES, **(PLAIN | OTHERS)[name])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(config).eval()
    # Phi's bias is zero in a fresh model, and would be no bias.
    if getattr(model.get_output_embeddings(), "bias", None) is not None:
        torch.nn.init.normal_(model.get_output_embeddings().bias)
    return model, name in PLAIN
