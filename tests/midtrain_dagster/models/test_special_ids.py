import json
import shutil
from pathlib import Path

import pytest

from midtrain_dagster.models.special_ids import (
    SpecialIds,
    generation_settings,
    special_ids,
    with_special_ids,
    write_special_ids,
)
from midtrain_dagster.tokens.chat_template import CHATML
from midtrain_dagster.tokens.tokenizer import train_tokenizer

IDS = SpecialIds(bos=0, eos=0, padding=1, turn_end=None, controls=frozenset({0, 1, 5, 7}))


@pytest.fixture
def chat_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "chat"
    folder.mkdir()
    for name, data in train_tokenizer([], vocabulary=260, chat_template=CHATML).items():
        (folder / name).write_bytes(data)
    return folder


def test_ids_of_a_tokenizer(tokenizer: Path, chat_folder: Path) -> None:
    assert special_ids(tokenizer) == SpecialIds(0, 0, 1, None, frozenset({0, 1}))
    # ChatML ends a turn with <|im_end|>.
    assert special_ids(chat_folder) == SpecialIds(0, 0, 1, 3, frozenset({0, 1, 2, 3}))


def test_a_config_says_what_the_tokenizer_does() -> None:
    bare = {"bos_token_id": None, "eos_token_id": None, "vocab_size": 9}
    assert with_special_ids(bare, IDS) == {
        "bos_token_id": 0,
        "eos_token_id": 0,
        "pad_token_id": 1,
        "vocab_size": 9,
    }
    # Another's end is replaced, ends listed beside the tokenizer's stay.
    assert with_special_ids({"eos_token_id": 5}, IDS)["eos_token_id"] == 0
    assert with_special_ids({"eos_token_id": [5, 0]}, IDS)["eos_token_id"] == [5, 0]
    # An embedding takes no gradient for padding, so no end is named as that.
    assert "pad_token_id" not in with_special_ids({}, IDS._replace(padding=0))


def test_generation_ends_at_every_end() -> None:
    before = {"eos_token_id": [5, 8], "temperature": 0.6, "bos_token_id": None}
    assert generation_settings(
        {**before, "_from_model_config": True}, IDS._replace(turn_end=7)
    ) == {"bos_token_id": 0, "eos_token_id": [0, 5, 7], "pad_token_id": 1, "temperature": 0.6}
    assert generation_settings({}, IDS._replace(padding=None)) == {
        "bos_token_id": 0,
        "eos_token_id": 0,
        "pad_token_id": 0,
    }


def test_a_written_model_stops_where_its_text_ends(chat_folder: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from midtrain_dagster.models.new import ModelConfig, new_model

    shape = ModelConfig(hidden_size=16, layers=1, heads=2, kv_heads=1, intermediate_size=16)
    new = new_model(shape, vocabulary=260, sequence_length=32, seed=1)
    folder = tmp_path / "model"
    new.save_pretrained(folder)
    write_special_ids(folder, chat_folder)
    config = json.loads((folder / "config.json").read_bytes())
    assert [config[f"{name}_token_id"] for name in ("bos", "eos", "pad")] == [0, 0, 1]
    for file in chat_folder.iterdir():
        shutil.copy(file, folder)
    written = {name: (folder / name).read_bytes() for name in ("config.json",)}
    write_special_ids(folder)
    assert written == {name: (folder / name).read_bytes() for name in written}
    loaded = AutoModelForCausalLM.from_pretrained(folder)
    assert loaded.generation_config.eos_token_id == [0, 3]
    # Whatever this one writes, it is the end of a turn.
    with torch.no_grad():
        for parameter in loaded.parameters():
            parameter.zero_()
        loaded.get_input_embeddings().weight[3] = 1.0
        loaded.model.norm.weight.fill_(1.0)
        loaded.get_input_embeddings().weight[9] = 0.5
    made = loaded.generate(torch.tensor([[9]]), max_new_tokens=9, do_sample=False)
    assert made[0].tolist() == [9, 3]
