"""That a window is rotated by its own length: not by its batch, nor by what was read before."""

import copy
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma3TextConfig, LlamaConfig

from midtrain_dagster.models.head import hidden_states
from midtrain_dagster.models.rotation import renew_rotation, rotate_each_alone

WINDOW = 16
SIZES = {
    "vocab_size": 20,
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "max_position_embeddings": 64,
}
LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 1e4,
    "original_max_position_embeddings": WINDOW,
    "short_factor": [1.0] * 8,
    "long_factor": [3.0] * 8,
}
DYNAMIC = {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}


def llama(parameters: dict[str, Any], **more: Any) -> LlamaConfig:
    return LlamaConfig(**SIZES | more, rope_parameters=dict(parameters))


def gemma(parameters: dict[str, Any]) -> Gemma3TextConfig:
    local = {"rope_type": "default", "rope_theta": 1e4}
    return Gemma3TextConfig(
        **SIZES,
        layer_types=["sliding_attention", "full_attention"],
        sliding_window=8,
        rope_parameters={"full_attention": dict(parameters), "sliding_attention": local},
    )


def built(config: Any) -> Any:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).eval()


CONFIGS = {
    "longrope": llama(LONGROPE),
    "dynamic": llama(DYNAMIC, max_position_embeddings=WINDOW),
    "longrope of some layers": gemma(LONGROPE),
}


@pytest.mark.parametrize("name", CONFIGS)
@torch.no_grad()
def test_a_window_is_rotated_as_alone_in_a_fresh_model(name: str) -> None:
    config = CONFIGS[name]
    model, plain = built(config), built(config)
    rotate_each_alone(model)
    rotate_each_alone(model)  # once more changes nothing
    ids = torch.arange(3 * 48).view(3, 48) * 7 % 20
    # Windows of a short document each, of one as long as they are, and of two in the middle.
    places = torch.stack(
        [torch.arange(48) % 12, torch.arange(48), torch.arange(48) % 24],
    )
    together = hidden_states(model, ids, places)
    for row, (window, at) in enumerate(zip(ids, places, strict=True)):
        alone = hidden_states(built(config), window[None], at[None])[0]
        assert torch.allclose(together[row], alone, atol=1e-6)
        assert torch.allclose(hidden_states(model, window[None], at[None])[0], alone, atol=1e-6)
    # transformers' own takes the factors of the longest for all.
    assert not torch.allclose(hidden_states(plain, ids, places)[0], together[0], atol=1e-4)
    copied = copy.deepcopy(model)
    assert torch.allclose(hidden_states(copied, ids, places), together, atol=1e-6)


def test_other_types_are_left_as_they_are() -> None:
    model = built(llama({"rope_type": "default", "rope_theta": 1e4}))
    before = type(model.model.rotary_emb)
    rotate_each_alone(model)
    assert type(model.model.rotary_emb) is before


@torch.no_grad()
def test_a_renewed_rotation_is_the_config_s() -> None:
    model = built(llama(LONGROPE))
    rotate_each_alone(model)
    ids = torch.arange(48)[None] % 20
    hidden_states(model, ids)
    model.config.rope_parameters["long_factor"] = [5.0] * 8
    renew_rotation(model)
    expected = hidden_states(built(llama(LONGROPE | {"long_factor": [5.0] * 8})), ids)
    assert torch.allclose(hidden_states(model, ids), expected, atol=1e-6)
