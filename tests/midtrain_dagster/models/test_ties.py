"""Whether head and embedding are one tensor is what is stored, whatever a config says."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from midtrain_dagster.models.load import CheckpointError, load_to_evaluate, load_to_train
from midtrain_dagster.models.true_config import write_true_ties

SIZES = {
    "vocab_size": 61,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
FAMILIES = {
    "Llama": ("model.embed_tokens.weight", "lm_head.weight"),
    "Qwen2": ("model.embed_tokens.weight", "lm_head.weight"),
    "Gemma": ("model.embed_tokens.weight", "lm_head.weight"),
    "Olmo2": ("model.embed_tokens.weight", "lm_head.weight"),
    "Phi": ("model.embed_tokens.weight", "lm_head.weight"),
    "GPT2": ("transformer.wte.weight", "lm_head.weight"),
    "GPTNeoX": ("gpt_neox.embed_in.weight", "embed_out.weight"),
}
"""Where each has its embedding and its head."""

Tensors = dict[str, torch.Tensor]
Store = Callable[[Tensors, str, str], None]


def other_head(tensors: Tensors, embedding: str, head: str) -> None:
    tensors[head] = tensors[embedding].flip(0).contiguous()


def same_head(tensors: Tensors, embedding: str, head: str) -> None:
    tensors[head] = tensors[embedding].clone()


def no_head(tensors: Tensors, embedding: str, head: str) -> None:
    tensors.pop(head, None)


def head_alone(tensors: Tensors, embedding: str, head: str) -> None:
    tensors[head] = tensors.pop(embedding)


STORED: dict[Store, bool] = {other_head: False, same_head: True, no_head: True, head_alone: True}
"""What may be stored, and whether that is one tensor."""


def saved(family: str, folder: Path, *, says: bool, store: Store) -> Tensors:
    """A model that was saved tied, with another head or none, and a config that says ``says``; the
    tensors that are stored."""
    config = getattr(transformers, f"{family}Config")(**SIZES, tie_word_embeddings=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    written = json.loads((folder / "config.json").read_bytes()) | {"tie_word_embeddings": says}
    (folder / "config.json").write_text(json.dumps(written))
    tensors = load_file(folder / "model.safetensors")
    store(tensors, *FAMILIES[family])
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return tensors


@pytest.mark.parametrize("store", STORED, ids=lambda store: store.__name__)
@pytest.mark.parametrize("says", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_tensors_decide(family: str, says: bool, store: Store, tmp_path: Path) -> None:
    tensors = saved(family, tmp_path, says=says, store=store)
    embedding, head = FAMILIES[family]
    one = STORED[store]
    models = [
        load_to_train(tmp_path),
        load_to_train(tmp_path, shapes_only=True),
        load_to_evaluate(tmp_path),
    ]
    for model in models:
        assert model.config.tie_word_embeddings is one
        both = model.get_input_embeddings().weight, model.get_output_embeddings().weight
        assert (both[0] is both[1]) is one
    names = [{name for name, _ in model.named_parameters()} for model in models]
    assert names[0] == names[1] == names[2]
    loaded = models[0]
    stored = tensors.get(embedding, tensors.get(head))
    assert stored is not None
    assert torch.equal(loaded.get_input_embeddings().weight, stored)
    assert torch.equal(loaded.get_output_embeddings().weight, tensors.get(head, stored))
    # What is written again, plain transformers reads as it is.
    loaded.save_pretrained(tmp_path / "again")
    again, found = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "again", output_loading_info=True
    )
    assert not any(found.values())
    assert again.config.tie_word_embeddings is one
    ids = torch.arange(9)[None]
    assert torch.equal(again(ids).logits, loaded.eval()(ids).logits)


def test_a_model_without_embedding_and_head_is_refused(tmp_path: Path) -> None:
    tensors = saved("Llama", tmp_path, says=False, store=no_head)
    del tensors["model.embed_tokens.weight"]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"missing: lm_head\.weight"):
        load_to_train(tmp_path)


def roberta(folder: Path) -> Tensors:
    """A decoder that ties two pairs: the matrix, and a bias."""
    config = transformers.RobertaConfig(**SIZES, is_decoder=True, tie_word_embeddings=False)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    return load_file(folder / "model.safetensors")


def test_a_bias_follows_its_matrix_or_the_model_is_refused(tmp_path: Path) -> None:
    tensors = roberta(tmp_path)
    matrices = "lm_head.decoder.weight", "roberta.embeddings.word_embeddings.weight"
    assert set(matrices) <= tensors.keys()
    # Both biases are zeros, which is no sign that they are one.
    assert load_to_train(tmp_path).config.tie_word_embeddings is False
    tensors[matrices[0]] = tensors[matrices[1]].clone()
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert load_to_train(tmp_path).config.tie_word_embeddings is True
    tensors["lm_head.bias"] += 1
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    for shapes_only in (False, True):
        with pytest.raises(CheckpointError, match=r"bias are two tensors, .* no config can say"):
            load_to_train(tmp_path, shapes_only=shapes_only)


@pytest.mark.parametrize("store", STORED, ids=lambda store: store.__name__)
def test_a_config_is_written_that_says_what_is_true(store: Store, tmp_path: Path) -> None:
    saved("Llama", tmp_path, says=not STORED[store], store=store)
    write_true_ties(tmp_path)
    config = json.loads((tmp_path / "config.json").read_bytes())
    assert config["tie_word_embeddings"] is STORED[store]
    before = (tmp_path / "config.json").read_bytes()
    write_true_ties(tmp_path)
    assert (tmp_path / "config.json").read_bytes() == before
