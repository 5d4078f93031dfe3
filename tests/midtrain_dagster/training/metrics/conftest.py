"""A base of a family that does not attend by documents."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, Llama4TextConfig


@pytest.fixture(scope="session")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama 4 without experts: its layers attend within chunks, by transformers' masks."""
    config = Llama4TextConfig(
        vocab_size=97, hidden_size=32, intermediate_size=64, intermediate_size_mlp=64,
        num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
        moe_layers=[], router_aux_loss_coef=0.0, max_position_embeddings=8192,
        attention_chunk_size=8192,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("masked")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder
