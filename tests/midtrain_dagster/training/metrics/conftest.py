"""A base that does not attend by documents."""

from pathlib import Path

import pytest

from midtrain_dagster.models.new import ModelConfig, new_model


@pytest.fixture(scope="session")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny Llama, with a config that speaks of chunks: it keeps transformers' masks."""
    config = ModelConfig(hidden_size=32, layers=2, heads=4, kv_heads=2, intermediate_size=64)
    model = new_model(config, vocabulary=97, sequence_length=8192, seed=5)
    model.config.attention_chunk_size = 8192
    folder = tmp_path_factory.mktemp("masked")
    model.save_pretrained(folder)
    return folder
