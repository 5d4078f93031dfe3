"""A model from random weights is its seed and its settings."""

import torch

from midtrain_dagster.models.new import ModelConfig, new_model

VOCABULARY = 50
LENGTH = 32
CONFIG = ModelConfig(hidden_size=32, layers=2, heads=4, kv_heads=2, intermediate_size=64)
MODEL = new_model(CONFIG, vocabulary=VOCABULARY, sequence_length=LENGTH, seed=3).eval()


def test_new_model_is_its_seed_and_leaves_the_generator_alone() -> None:
    before = torch.random.get_rng_state()
    one, two, other = (
        new_model(CONFIG, vocabulary=VOCABULARY, sequence_length=LENGTH, seed=seed)
        for seed in (1, 1, 2)
    )
    torch.testing.assert_close(torch.random.get_rng_state(), before)
    weights = [model.model.layers[0].mlp.up_proj.weight for model in (one, two, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_new_model_has_the_shape_it_is_told() -> None:
    config = MODEL.config
    assert (config.num_attention_heads, config.num_key_value_heads) == (4, 2)
    assert (config.vocab_size, config.max_position_embeddings) == (VOCABULARY, LENGTH)
    assert MODEL.lm_head.weight is MODEL.model.embed_tokens.weight
    untied = CONFIG.model_copy(update={"tie_embeddings": False})
    model = new_model(untied, vocabulary=VOCABULARY, sequence_length=LENGTH, seed=0)
    assert model.lm_head.weight is not model.model.embed_tokens.weight
