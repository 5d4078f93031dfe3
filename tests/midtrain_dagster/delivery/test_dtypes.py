"""Weights are stored in the type of their namesakes in the base; what that does to them is told."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from midtrain_dagster.delivery.dtypes import RangeError, store_as, stored_dtypes
from midtrain_dagster.models.new import ModelConfig, new_model

CONFIG = ModelConfig(hidden_size=32, layers=2, heads=4, kv_heads=2, intermediate_size=64)
WEIGHTS = "model.safetensors"
NORM, EMBEDDING = "model.norm.weight", "model.embed_tokens.weight"


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A checkpoint as a stage writes it: float32."""
    folder = tmp_path / "trained"
    new_model(CONFIG, vocabulary=50, sequence_length=32, seed=3).save_pretrained(folder)
    return folder


def test_each_tensor_has_the_type_that_it_has_in_the_base(trained: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    tensors = load_file(trained / WEIGHTS)
    mixed = {
        name: tensor if "norm" in name else tensor.bfloat16() for name, tensor in tensors.items()
    }
    # As GPT-2 was published: without the prefix of the base model; and without a tensor.
    del mixed["model.layers.0.mlp.up_proj.weight"]
    save_file({name.removeprefix("model."): each for name, each in mixed.items()}, base / WEIGHTS)
    stored = store_as(trained, stored_dtypes(base))
    found = load_file(trained / WEIGHTS)
    for name, tensor in tensors.items():
        wanted = torch.float32 if "norm" in name else torch.bfloat16
        assert found[name].dtype == wanted
        assert torch.equal(found[name], tensor.to(wanted))
    norms = sum(tensor.numel() for name, tensor in tensors.items() if "norm" in name)
    others = sum(tensor.numel() for tensor in tensors.values()) - norms
    assert stored.values == {"bfloat16": others, "float32": norms}
    assert json.loads((trained / "config.json").read_bytes())["dtype"] == "bfloat16"
    assert stored.rounded == others
    # Rounding to 8 bits moves a value by 2^-9 / sqrt(3) = 0.11 to twice that of its size.
    assert stored.told().startswith(f"Weights are stored as bfloat16 ({norms:,} values float32). ")
    assert "by 0.1" in stored.told()
    loaded = AutoModelForCausalLM.from_pretrained(trained, dtype="auto")
    assert loaded.dtype == torch.bfloat16


def test_without_a_base_weights_stay_and_the_config_says_what_they_are(trained: Path) -> None:
    config = json.loads((trained / "config.json").read_bytes())
    said = config | {"dtype": "bfloat16", "torch_dtype": "bfloat16"}
    (trained / "config.json").write_text(json.dumps(said))
    before = (trained / WEIGHTS).read_bytes()
    stored = store_as(trained, {})
    assert (trained / WEIGHTS).read_bytes() == before
    assert json.loads((trained / "config.json").read_bytes()) == config | {
        "dtype": "float32",
        "torch_dtype": "float32",
    }
    assert stored.told() == "Weights are stored as float32."


def test_a_type_that_is_said_is_that_of_all_in_every_file(trained: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(trained)
    (trained / WEIGHTS).unlink()
    model.save_pretrained(trained, max_shard_size="20KB")
    store_as(trained, {}, other="float16")
    assert set(stored_dtypes(trained).values()) == {"float16"}
    index = json.loads((trained / "model.safetensors.index.json").read_bytes())
    assert index["metadata"]["total_size"] == 2 * sum(each.numel() for each in model.parameters())
    again = AutoModelForCausalLM.from_pretrained(trained)
    assert torch.equal(again.model.norm.weight, model.model.norm.weight.half())
    # Back to the wider type nothing is lost, so nothing is told.
    assert store_as(trained, {}, other="float32").told() == "Weights are stored as float32."


def test_values_that_a_type_does_not_hold_are_told_or_refused(trained: Path) -> None:
    tensors = load_file(trained / WEIGHTS)
    tensors[EMBEDDING][0, :3] = 1e-9
    save_file(tensors, trained / WEIGHTS, metadata={"format": "pt"})
    assert store_as(trained, {}, other="float16").told().endswith("and made 3 of them zero.")
    tensors[NORM][0] = 7e4
    save_file(tensors, trained / WEIGHTS, metadata={"format": "pt"})
    with pytest.raises(RangeError, match=r"norm\.weight holds 7e\+04, beyond what float16 holds"):
        store_as(trained, {}, other="float16")
