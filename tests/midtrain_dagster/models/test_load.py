"""A model is loaded whole, as it lies in its folder, or not at all."""

import json
import pickle
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from midtrain_dagster.models.load import CheckpointError, load_to_evaluate, load_to_train
from midtrain_dagster.models.new import ModelConfig, new_model

CONFIG = ModelConfig(hidden_size=32, layers=2, heads=4, kv_heads=2, intermediate_size=64)
MODEL = new_model(CONFIG, vocabulary=50, sequence_length=32, seed=3).eval()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    MODEL.save_pretrained(tmp_path)
    return tmp_path


def test_load_to_train_keeps_the_weights_in_fp32_or_draws_them_anew(folder: Path) -> None:
    deepcopy(MODEL).bfloat16().save_pretrained(folder / "half")
    loaded, fresh = load_to_train(folder), load_to_train(folder, seed=9)
    assert loaded.dtype == fresh.dtype == load_to_train(folder / "half").dtype == torch.float32
    for name, parameter in MODEL.named_parameters():
        assert torch.equal(loaded.get_parameter(name), parameter)
    assert not torch.equal(fresh.model.embed_tokens.weight, MODEL.model.embed_tokens.weight)


def test_load_to_train_leaves_shapes_on_the_meta_device(folder: Path) -> None:
    model = load_to_train(folder, shapes_only=True)
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
    assert model.model.embed_tokens.weight.shape == (50, 32)


def test_load_to_evaluate_is_still_and_keeps_the_weights(folder: Path) -> None:
    model = load_to_evaluate(folder)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    expected = MODEL.model.norm.weight
    torch.testing.assert_close(model.model.norm.weight.cpu(), expected, rtol=0, atol=0)


class Planted:
    """Pickled so that whoever unpickles it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_nothing_of_a_folder_is_executed(folder: Path, tmp_path: Path) -> None:
    """Pickled weights beside none, and code that its config names."""
    trace = tmp_path / "executed"
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "model.pkl"):
        (folder / name).write_bytes(pickle.dumps(Planted(trace)))
    (folder / "modeling.py").write_text(f"open({str(trace)!r}, 'w')\nclass Model: pass\n")
    config = json.loads((folder / "config.json").read_text())
    classes = {"AutoConfig": "modeling.Model", "AutoModelForCausalLM": "modeling.Model"}
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": classes}))
    load_to_train(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        load_to_train(folder)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Planted(trace)))
    assert trace.exists(), "what is planted would have shown"


@pytest.mark.parametrize("outside", ["../model.safetensors", "/model.safetensors", "a/../../b"])
def test_index_that_leads_out_of_the_folder_is_refused(folder: Path, outside: str) -> None:
    MODEL.save_pretrained(folder / "inside", max_shard_size="20KB")
    index = folder / "inside" / "model.safetensors.index.json"
    loaded = json.loads(index.read_text())
    loaded["weight_map"]["model.norm.weight"] = outside
    index.write_text(json.dumps(loaded))
    with pytest.raises(CheckpointError, match="outside its folder"):
        load_to_train(folder / "inside")


def change_shape(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": 51}))


def drop(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    for number in range(2):
        del tensors[f"model.layers.{number}.mlp.up_proj.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def cut(folder: Path) -> None:
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:-7])


@pytest.mark.parametrize("load", [load_to_train, load_to_evaluate])
@pytest.mark.parametrize(
    "damage, message",
    [
        (change_shape, r"of shape \(50, 32\) where the model has \(51, 32\): model.embed"),
        (drop, r"missing: model\.layers\.0-1\.mlp\.up_proj\.weight"),
        (cut, "its weights cannot be loaded"),
    ],
)
def test_load_refuses_what_is_not_the_models(
    folder: Path, load: Any, damage: Any, message: str
) -> None:
    damage(folder)
    with pytest.raises(CheckpointError, match=message) as error:
        load(folder)
    assert str(folder) in str(error.value)


def test_load_to_evaluate_names_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        load_to_evaluate(tmp_path)
