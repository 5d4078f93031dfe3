import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer as Tokens
from tokenizers import pre_tokenizers

from midtrain_dagster.core.parts import DamagedPartError
from midtrain_dagster.delivery.folder import (
    DeliveryError,
    files,
    push,
    reading_note,
    write_folder,
)
from midtrain_dagster.tokens.tokenizer import Tokenizer
from midtrain_dagster.training.artifact import Checkpoint


def test_a_plain_folder_that_transformers_loads(tiny_run: Any, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    checkpoint, tokenizer = (
        Checkpoint(tiny_run["checkpoint/annealed"]),
        Tokenizer(tiny_run["tokenizer"]),
    )
    folder = tmp_path / "new" / "model"
    stored = write_folder(checkpoint, tokenizer, "# The card\n", folder)
    # A base that was trained here is float32, and so is what comes of it.
    assert stored.told() == "Weights are stored as float32."
    card = (folder / "README.md").read_text()
    size = f"The model has {stored.values.total():,} parameters."
    assert card == f"# The card\n\n{size} Weights are stored as float32.\n"
    assert [name for name, _ in files(folder)] == [
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    config = json.loads((folder / "config.json").read_bytes())
    assert config["rope_theta"] == config["rope_parameters"]["rope_theta"]
    # Readable for others, and no link into the store.
    assert all(file.stat().st_mode & 0o444 == 0o444 for file in folder.iterdir())
    assert all(file.stat().st_nlink == 1 and not file.is_symlink() for file in folder.iterdir())
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    model, loaded = (
        AutoModelForCausalLM.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder),
    )
    given = loaded("Water finds its level.", return_tensors="pt")
    stored = AutoModelForCausalLM.from_pretrained(
        Path(checkpoint.artifact.storage.uri(checkpoint.files[0].path)).parent
    )
    assert torch.equal(model(**given).logits, stored(**given).logits)
    assert model.generation_config.eos_token_id == loaded.eos_token_id
    assert model.generation_config.pad_token_id == loaded.pad_token_id
    ids = [config[f"{name}_token_id"] for name in ("bos", "eos", "pad")]
    assert ids == [loaded.bos_token_id, loaded.eos_token_id, loaded.pad_token_id]
    with pytest.raises(DeliveryError, match="there is something already"):
        write_folder(checkpoint, tokenizer, "", folder)


def test_a_damaged_file_is_not_delivered(tiny_run: Any, tmp_path: Path) -> None:
    checkpoint, tokenizer = (
        Checkpoint(tiny_run["checkpoint/annealed"]),
        Tokenizer(tiny_run["tokenizer"]),
    )
    parts = checkpoint.artifact.manifest.parts
    (weights,) = (part for part in parts if part.table == "model.safetensors")
    other = weights.model_copy(update={"digest": "0" * 32})
    changed = checkpoint.artifact.manifest.model_copy(
        update={"parts": tuple(other if part == weights else part for part in parts)}
    )
    damaged = Checkpoint(type(checkpoint.artifact)(checkpoint.artifact.storage, changed))
    with pytest.raises(DamagedPartError, match=r"model\.safetensors"):
        write_folder(damaged, tokenizer, "", tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_card_says_where_transformers_reads_another_tokenizer(
    tokenizer: Path, tmp_path: Path
) -> None:
    """As for qwen2, of which it takes its own class whatever the settings name."""
    encoder = Tokens.from_file(str(tokenizer / "tokenizer.json"))
    encoder.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(" ", "isolated"), encoder.pre_tokenizer]
    )
    shutil.copytree(tokenizer, tmp_path, dirs_exist_ok=True)
    encoder.save(str(tmp_path / "tokenizer.json"))
    notes = []
    for model_type in ("llama", "qwen2"):
        (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}))
        notes.append(reading_note(tmp_path))
    assert notes[0] == ""
    assert "PreTrainedTokenizerFast.from_pretrained" in notes[1]
    assert "Qwen2Tokenizer" in notes[1]


def test_pushing_needs_a_token_and_a_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(DeliveryError, match="set HF_TOKEN"):
        push(tmp_path, "owner/model")
    monkeypatch.setenv("HF_TOKEN", "hf_none")
    with pytest.raises(DeliveryError, match="owner/model was not pushed"):
        push(tmp_path, "owner/model")
