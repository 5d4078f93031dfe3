from pathlib import Path

import pytest
import torch
import torch.distributed.checkpoint as dcp

from midtrain_dagster.training.runs import Run
from midtrain_dagster.training.stage import Stage
from midtrain_dagster.training.transition.given import (
    BaseCheckpointError,
    check_kept,
    checkpoint_files,
    given_checkpoint,
    is_hub_id,
)


def test_is_hub_id_wants_an_owner_and_a_name() -> None:
    assert is_hub_id("HuggingFaceTB/SmolLM2-135M")
    for path in ("base", "./models/base", "../a/b", "/models/base", "~/base", "a/b/c"):
        assert not is_hub_id(path), path


def test_given_checkpoint_takes_a_folder_with_a_config(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert given_checkpoint(str(tmp_path), "checkpoint") == tmp_path


def test_given_checkpoint_refuses_a_folder_without_a_config(tmp_path: Path) -> None:
    with pytest.raises(BaseCheckpointError, match=r"there is no config.json; is it a model's"):
        given_checkpoint(str(tmp_path), "checkpoint")


@pytest.mark.parametrize("named", ["./models/base", "/models/base", "~/base", "base", "a/b/c"])
def test_given_checkpoint_names_a_missing_folder(tmp_path: Path, named: str) -> None:
    with pytest.raises(BaseCheckpointError, match=r"no such folder; correct base.checkpoint"):
        given_checkpoint(str(tmp_path / "base"), named)


def test_given_checkpoint_names_the_command_for_missing_default_data(tmp_path: Path) -> None:
    with pytest.raises(BaseCheckpointError, match=r"`midtrain fetch` .* fetches"):
        given_checkpoint(str(tmp_path / "data" / "smollm"), "../data/smollm")


def test_given_checkpoint_names_a_hub_id_that_cannot_be_had(tmp_path: Path) -> None:
    """The tests run offline (HF_HUB_OFFLINE), where nothing but the hub's cache is looked at."""
    named = "nobody-at-all/no-model-of-this-name"
    with pytest.raises(BaseCheckpointError, match=f"{named!r} is neither a folder nor"):
        given_checkpoint(str(tmp_path / "nothing"), named)


@pytest.fixture
def with_shards(tmp_path: Path) -> Path:
    """A folder as OLMo-core and Hugging Face's Trainer together would leave it."""
    moments = {"exp_avg": torch.ones(2), "exp_avg_sq": torch.ones(2), "step": torch.tensor(1.0)}
    state = {"optim": {"state": {"w": moments}}}
    dcp.save(state, checkpoint_id=tmp_path / "model_and_optim", no_dist=True)
    dcp.save({"w": torch.ones(2)}, checkpoint_id=tmp_path / "model", no_dist=True)
    for name in ("config.json", "model.safetensors", "rng_state.pth", "training_args.bin"):
        (tmp_path / name).write_text("{}")
    return tmp_path


def test_checkpoint_files_have_shards_of_moments_and_no_pickles(with_shards: Path) -> None:
    files = checkpoint_files(with_shards)
    shards = with_shards / "model_and_optim"
    assert files == {
        "config.json": with_shards / "config.json",
        "model.safetensors": with_shards / "model.safetensors",
        ".metadata": shards / ".metadata",
        "__0_0.distcp": shards / "__0_0.distcp",
    }
    (with_shards / "optimizer.pt").write_text("")
    assert checkpoint_files(with_shards).keys() == {
        *("config.json", "model.safetensors", "optimizer.pt")
    }


def test_check_kept_misses_moments_at_once(tmp_path: Path, with_shards: Path) -> None:
    fields = {
        "start": "base",
        "tokens": 64,
        "batch_tokens": 64,
        "sequence_length": 32,
        "schedule": [{"phase": "constant"}],
        "mixture": {"domains": {"web": 1.0}},
    }
    reset = {"inherit": {"moments": {"reset": "there are none"}}}
    keeping = Run("annealed", Stage.model_validate(fields), seed=42)
    fresh = Run("other", Stage.model_validate(fields | reset), seed=42)
    check_kept(with_shards, [keeping])
    (with_shards / "model_and_optim" / ".metadata").unlink()
    check_kept(with_shards, [fresh])
    with pytest.raises(BaseCheckpointError, match=r"no optimizer state, but annealed would keep"):
        check_kept(with_shards, [keeping, fresh])
