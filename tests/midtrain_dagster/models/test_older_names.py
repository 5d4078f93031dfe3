"""What transformers before 5 reads of a config, and that ours reads the same of both."""

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig, PreTrainedConfig

from midtrain_dagster.models.older_names import older_names, write_older_names

SMALL = {"hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 1, "vocab_size": 20}
YARN = {
    "rope_type": "yarn",
    "rope_theta": 1e4,
    "factor": 4.0,
    "original_max_position_embeddings": 64,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
}
LINEAR = {"rope_type": "linear", "rope_theta": 5e5, "factor": 2.0}
LONGROPE = {"short_factor": [1.0] * 8, "long_factor": [2.0] * 8}
NESTED = {
    "full_attention": {"rope_type": "linear", "rope_theta": 1e6, "factor": 8.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 3e4},
}


def config(family: str, parameters: dict[str, Any] | None) -> PreTrainedConfig:
    settings = SMALL | {"max_position_embeddings": 256}
    return AutoConfig.for_model(family, **settings, rope_parameters=parameters)


GOLDEN = [
    (
        "llama",
        {"rope_type": "default", "rope_theta": 1e4},
        {"rope_theta": 1e4, "rope_scaling": None},
    ),
    (
        "llama",
        {"rope_type": "default", "rope_theta": 8e6},
        {"rope_theta": 8e6, "rope_scaling": None},
    ),
    (
        "llama",
        LINEAR,
        {"rope_theta": 5e5, "rope_scaling": {"rope_type": "linear", "factor": 2.0}},
    ),
    (
        "qwen3",
        YARN | {"attention_factor": 1.0},
        {
            "rope_theta": 1e4,
            "rope_scaling": {
                "rope_type": "yarn",
                "factor": 4.0,
                "original_max_position_embeddings": 64,
                "beta_fast": 32.0,
                "beta_slow": 1.0,
                "attention_factor": 1.0,
            },
        },
    ),
    (
        "phi",
        {"rope_type": "default", "rope_theta": 2e4, "partial_rotary_factor": 0.5},
        {"rope_theta": 2e4, "partial_rotary_factor": 0.5, "rope_scaling": None},
    ),
    (
        "gpt_neox",
        LINEAR | {"partial_rotary_factor": 0.5},
        {
            "rotary_emb_base": 5e5,
            "rotary_pct": 0.5,
            "rope_scaling": {"rope_type": "linear", "factor": 2.0},
        },
    ),
    (
        "gemma3_text",
        NESTED,
        {
            "rope_theta": 1e6,
            "rope_local_base_freq": 3e4,
            "rope_scaling": {"rope_type": "linear", "factor": 8.0},
        },
    ),
]


@pytest.mark.parametrize(("family", "parameters", "expected"), GOLDEN)
def test_the_older_names_say_the_same(
    family: str, parameters: dict[str, Any], expected: dict[str, Any], tmp_path: Path
) -> None:
    made = config(family, parameters)
    made.save_pretrained(tmp_path)
    write_older_names(tmp_path)
    written = json.loads((tmp_path / "config.json").read_bytes())
    assert {name: written[name] for name in expected} == expected
    assert older_names(written) == expected
    again = AutoConfig.from_pretrained(tmp_path)
    assert again.rope_parameters == made.rope_parameters
    assert again.to_dict() | {"_name_or_path": ""} == made.to_dict()
    before = (tmp_path / "config.json").read_bytes()
    write_older_names(tmp_path)
    assert (tmp_path / "config.json").read_bytes() == before


def test_longrope_is_said_in_the_three_fields_that_phi_3_takes(tmp_path: Path) -> None:
    # transformers 4.57 refuses a Phi-3 whose rope_scaling has more.
    original = {"original_max_position_embeddings": 4096}
    made = config("phi3", {"type": "longrope", "rope_theta": 1e4} | LONGROPE | original)
    made.save_pretrained(tmp_path)
    write_older_names(tmp_path)
    written = json.loads((tmp_path / "config.json").read_bytes())
    assert written["rope_scaling"] == {"type": "longrope"} | LONGROPE
    assert {name: written[name] for name in original} == original
    assert AutoConfig.from_pretrained(tmp_path).rope_parameters == made.rope_parameters


def test_what_they_cannot_say_is_not_written(tmp_path: Path) -> None:
    scaled_twice = {name: each | {"rope_theta": 7.0} for name, each in NESTED.items()}
    scaled_twice["sliding_attention"] |= {"rope_type": "linear", "factor": 2.0}
    made = config("gemma3_text", scaled_twice)
    assert older_names(made.to_dict()) == {}
    made.save_pretrained(tmp_path)
    before = (tmp_path / "config.json").read_bytes()
    write_older_names(tmp_path)
    assert (tmp_path / "config.json").read_bytes() == before


def test_a_model_without_rope_or_of_no_known_family_has_none() -> None:
    assert older_names({"model_type": "gpt2"}) == {}
    assert older_names({"model_type": "nobody's", "rope_parameters": YARN}) == {}
