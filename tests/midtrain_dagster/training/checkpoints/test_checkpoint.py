"""Checkpoints are whole or not there, verified, and the same bytes for the same run."""

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from midtrain_dagster.core import atomic_folder as placing
from midtrain_dagster.models.load import CheckpointError
from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.training.checkpoints import checkpoint
from midtrain_dagster.training.checkpoints.checkpoint import (
    State,
    load_optimizer,
    read_log,
    save_checkpoint,
    take_snapshot,
    verify_checkpoint,
)
from midtrain_dagster.training.checkpoints.settings import Checkpoints
from midtrain_dagster.training.optimizers.methods.adamw import AdamW
from midtrain_dagster.training.retention import prune

TOKENIZER = Path(__file__).parents[4] / "data" / "smollm2-135m-instruct"
STATE = State(stage="base", seed=1, step=2, tokens=64, learning_rate=1e-3)
RECORDS = [{"step": 0, "loss": 4.5}, {"step": 1, "loss": 4.25}]


def trained(hidden: int = 32) -> tuple[Any, torch.optim.AdamW]:
    """A model after two updates, always the same ones."""
    config = ModelConfig(hidden_size=hidden, layers=1, heads=2, kv_heads=1, intermediate_size=16)
    model = new_model(config, vocabulary=20, sequence_length=16, seed=0)
    optimizer = AdamW().make(model)
    for ids in (torch.arange(10)[None], torch.arange(5, 15)[None]):
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.param_groups[0]["lr"] = optimizer.param_groups[1]["lr"] = 1e-2
        optimizer.step()
        optimizer.zero_grad()
    return model, optimizer


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    model, optimizer = trained()
    save(tmp_path / "step-000002", model, optimizer)
    return tmp_path / "step-000002"


def save(folder: Path, model: Any, optimizer: torch.optim.AdamW, state: State = STATE) -> None:
    save_checkpoint(
        folder,
        model=model,
        optimizer=optimizer,
        state=state,
        log=RECORDS,
        tokenizer=TOKENIZER,
    )


def test_save_checkpoint_brings_back_what_it_saved(saved: Path) -> None:
    model, optimizer = trained()
    assert verify_checkpoint(saved) == STATE
    assert read_log(saved) == RECORDS
    fresh = AdamW().make(model)
    load_optimizer(saved, model, fresh)
    for parameter in model.parameters():
        for key, value in optimizer.state[parameter].items():
            torch.testing.assert_close(fresh.state[parameter][key], value, rtol=0, atol=0)
            assert fresh.state[parameter][key].dtype == value.dtype
    loaded = AutoModelForCausalLM.from_pretrained(saved)
    for name, parameter in model.named_parameters():
        assert torch.equal(loaded.get_parameter(name), parameter)
    assert (saved / "tokenizer.json").read_bytes() == (TOKENIZER / "tokenizer.json").read_bytes()


def test_save_checkpoint_says_rope_for_older_readers_too(saved: Path) -> None:
    config = json.loads((saved / "config.json").read_bytes())
    assert config["rope_parameters"] == {"rope_theta": 10_000.0, "rope_type": "default"}
    assert (config["rope_theta"], config["rope_scaling"]) == (10_000.0, None)


def test_save_checkpoint_makes_equal_bytes_of_equal_runs(saved: Path, tmp_path: Path) -> None:
    again = tmp_path / "elsewhere" / "other-name"
    save(again, *trained())
    assert {file.name for file in again.iterdir()} == {file.name for file in saved.iterdir()}
    for file in again.iterdir():
        assert file.read_bytes() == (saved / file.name).read_bytes()
        assert str(tmp_path).encode() not in file.read_bytes()


def test_save_checkpoint_has_a_golden_layout(saved: Path) -> None:
    # Version 2. Weights themselves are not pinned: they differ between CPUs.
    assert checkpoint.VERSION == 2
    assert json.loads((saved / "state.json").read_bytes()) == {
        "version": 2,
        "stage": "base",
        "seed": 1,
        "step": 2,
        "tokens": 64,
        "learning_rate": 0.001,
    }
    assert (saved / "log.jsonl").read_text() == (
        '{"step": 0, "loss": 4.5}\n{"step": 1, "loss": 4.25}\n'
    )
    moments = load_file(saved / "optimizer.safetensors")
    assert int(moments["steps"]) == 2
    names = {
        "model.embed_tokens.weight",
        "model.layers.0.input_layernorm.weight",
        "model.layers.0.mlp.down_proj.weight",
        "model.layers.0.mlp.gate_proj.weight",
        "model.layers.0.mlp.up_proj.weight",
        "model.layers.0.post_attention_layernorm.weight",
        "model.layers.0.self_attn.k_proj.weight",
        "model.layers.0.self_attn.o_proj.weight",
        "model.layers.0.self_attn.q_proj.weight",
        "model.layers.0.self_attn.v_proj.weight",
        "model.norm.weight",
    }
    both = {f"{moment}.{name}" for moment in ("exp_avg", "exp_avg_sq") for name in names}
    assert moments.keys() == both | {"steps"}


def test_save_checkpoint_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    folder = tmp_path / "step-000002"
    with monkeypatch.context() as patched:
        patched.setattr(placing, "_sync", full)
        with pytest.raises(OSError, match="No space left"):
            save(folder, *trained())
    assert not list(tmp_path.iterdir())
    save(folder, *trained())
    assert verify_checkpoint(folder) == STATE
    assert [path.name for path in tmp_path.iterdir()] == ["step-000002"]


def test_take_snapshot_holds_tensors_on_rank_0_alone() -> None:
    snapshot = take_snapshot(*trained(), rank=1)
    assert not snapshot.weights and not snapshot.moments


def test_save_checkpoint_writes_on_rank_0_alone(tmp_path: Path) -> None:
    model, optimizer = trained()
    save_checkpoint(
        tmp_path / "step-000001",
        model=model,
        optimizer=optimizer,
        state=STATE,
        log=RECORDS,
        tokenizer=TOKENIZER,
        rank=1,
    )
    assert not list(tmp_path.iterdir())


def test_save_checkpoint_stores_a_position_in_the_data(tmp_path: Path) -> None:
    model, optimizer = trained()
    state = replace(STATE, data={"order": "base", "pools": {"web all": [3, 40, 2]}})
    save_checkpoint(
        tmp_path / "one", model=model, optimizer=optimizer, state=state, log=[], tokenizer=None
    )
    assert verify_checkpoint(tmp_path / "one") == state


def test_verify_checkpoint_passes_over_what_a_system_left(saved: Path) -> None:
    for name in (".nfs000000000a1b2c3d00000001", "._model.safetensors", ".DS_Store"):
        (saved / name).write_bytes(b"left")
    assert verify_checkpoint(saved) == STATE
    (saved / ".other").touch()
    with pytest.raises(CheckpointError, match=r"\.other: not part of the checkpoint"):
        verify_checkpoint(saved)


def test_verify_checkpoint_reads_it_where_it_lies(saved: Path) -> None:
    assert verify_checkpoint(saved.as_uri()) == STATE


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def rewrite(folder: Path, state: State) -> None:
    shutil.rmtree(folder)
    save(folder, *trained(), state=state)


def test_save_checkpoint_writes_it_once(saved: Path) -> None:
    first = {file.name: file.stat().st_ino for file in saved.iterdir()}
    save(saved, *trained())
    assert {file.name: file.stat().st_ino for file in saved.iterdir()} == first
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: flip(folder / "model.safetensors"),
        lambda folder: (folder / "digests.json").unlink(),
        lambda folder: rewrite(folder, replace(STATE, seed=2)),
    ],
    ids=["changed", "unfinished", "of another seed"],
)
def test_save_checkpoint_puts_aside_what_is_another(
    saved: Path, harm: Callable[[Path], object]
) -> None:
    harm(saved)
    found = {file.name: file.read_bytes() for file in saved.iterdir()}
    save(saved, *trained())
    assert verify_checkpoint(saved) == STATE
    aside = saved.with_name(f"damaged-{saved.name}")
    assert {file.name: file.read_bytes() for file in aside.iterdir()} == found
    assert {path.name for path in saved.parent.iterdir()} == {saved.name, aside.name}


@pytest.mark.parametrize("prunes", [False, True])
def test_save_checkpoint_twice_at_once_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prunes: bool
) -> None:
    """While one syncs its files, another writes the step from beginning to end."""
    folder = tmp_path / "step-000002"
    sync = placing._sync
    stage: Any = SimpleNamespace(checkpoints=Checkpoints(), batch_tokens=32)

    def overtaken(path: Path) -> None:
        monkeypatch.setattr(placing, "_sync", sync)
        save(folder, *trained())
        if prunes:
            prune(tmp_path, stage)
        sync(path)

    monkeypatch.setattr(placing, "_sync", overtaken)
    save(folder, *trained())
    assert verify_checkpoint(folder) == STATE
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_save_checkpoint_may_be_called_by_many_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "step-000002"
    runs = [trained() for _ in range(4)]
    with ThreadPoolExecutor(len(runs)) as pool:
        list(pool.map(lambda run: save(folder, *run), runs))
    assert verify_checkpoint(folder) == STATE
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "changed": (lambda folder: flip(folder / "model.safetensors"), "model.safetensors: changed"),
    "missing": (lambda folder: (folder / "log.jsonl").unlink(), "log.jsonl: missing"),
    "added": (lambda folder: (folder / "pickled.pt").write_bytes(b""), "pickled.pt: not part"),
    "unfinished": (lambda folder: (folder / "digests.json").unlink(), "digests.json"),
    "torn": (lambda folder: (folder / "digests.json").write_text('{"a"'), "digests.json"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_verify_checkpoint_names_what_is_damaged(saved: Path, damage: str) -> None:
    harm, message = DAMAGES[damage]
    harm(saved)
    with pytest.raises(CheckpointError, match=message):
        verify_checkpoint(saved)


def test_load_optimizer_refuses_moments_of_another_shape(saved: Path) -> None:
    model, _ = trained(hidden=64)
    with pytest.raises(
        CheckpointError, match=r"of shape \(20, 32\) where the model has \(20, 64\)"
    ):
        load_optimizer(saved, model, AdamW().make(model))


def test_load_optimizer_refuses_moments_of_another_model(saved: Path) -> None:
    moments = load_file(saved / "optimizer.safetensors")
    moments["exp_avg.lm_head.weight"] = torch.zeros(20, 32)
    moments["exp_avg_sq.lm_head.weight"] = torch.zeros(20, 32)
    save_file(moments, saved / "optimizer.safetensors")
    model, optimizer = trained()
    with pytest.raises(
        CheckpointError, match=r"not the moments of this model: not of the model: lm"
    ):
        load_optimizer(saved, model, optimizer)


def test_load_optimizer_refuses_a_checkpoint_without_moments(saved: Path) -> None:
    (saved / "optimizer.safetensors").unlink()
    model, optimizer = trained()
    with pytest.raises(CheckpointError, match=r"optimizer.safetensors: missing, so the stage"):
        load_optimizer(saved, model, optimizer)
