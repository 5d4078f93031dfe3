"""Moments of other trainers, made by those trainers or by the functions that they call."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
)

from midtrain_dagster.models.load import CheckpointError
from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.training.checkpoints.moments import Moments
from midtrain_dagster.training.optimizers.methods.adamw import AdamW
from midtrain_dagster.training.transition.foreign_moments import (
    decaying_names,
    find_moments,
    moments_of,
)

CONFIG = ModelConfig(hidden_size=16, layers=2, heads=2, kv_heads=1, intermediate_size=24)


def make() -> Any:
    return new_model(CONFIG, vocabulary=20, sequence_length=16, seed=0)


@pytest.fixture
def model() -> Any:
    return make()


def updated(model: Any, optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """The optimizer after two updates at the learning rate 1e-3."""
    for ids in (torch.arange(10)[None], torch.arange(5, 15)[None]):
        for group in optimizer.param_groups:
            group["lr"] = 1e-3
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return optimizer


def assert_same(moments: Moments, model: Any, optimizer: Any) -> None:
    parameters = dict(model.named_parameters())
    assert moments.first.keys() == parameters.keys() == moments.second.keys()
    for name, parameter in parameters.items():
        state = optimizer.state[parameter]
        assert torch.equal(moments.first[name], state["exp_avg"]), name
        assert torch.equal(moments.second[name], state["exp_avg_sq"]), name
        assert moments.steps[name] == int(state["step"])


def torchtitan(model: Any, optimizer: Any) -> dict[str, Any]:
    """As ``OptimizersContainer.state_dict`` of torchtitan."""
    options = StateDictOptions(flatten_optimizer_state_dict=True)
    return {
        "model": get_model_state_dict(model),
        "optimizer": get_optimizer_state_dict(model, optimizer, options=options),
        "train_state": {"step": torch.tensor(2)},
    }


def olmo_core(model: Any, optimizer: Any) -> dict[str, Any]:
    """As ``save_model_and_optim_state`` of OLMo-core."""
    return {
        "model": get_model_state_dict(model),
        "optim": get_optimizer_state_dict(model, optimizer),
    }


@pytest.mark.parametrize("layout", [torchtitan, olmo_core])
@pytest.mark.parametrize("place", [".", "model_and_optim"])
def test_moments_of_dcp_folders_are_read_by_name(
    tmp_path: Path, model: Any, layout: Callable[..., Any], place: str
) -> None:
    optimizer = updated(model, AdamW().make(model))
    dcp.save(layout(model, optimizer), checkpoint_id=tmp_path / place, no_dist=True)
    assert find_moments(tmp_path) == tmp_path / place
    moments = moments_of(tmp_path, model)
    assert_same(moments, model, optimizer)
    assert moments.learning_rate == 1e-3
    headers = moments_of(tmp_path, model, shapes_only=True)
    assert headers.shapes == moments.shapes
    assert all(tensor.is_meta for tensor in headers.first.values())


def test_moments_have_names_without_what_wrappers_put_into_them(tmp_path: Path, model: Any) -> None:
    optimizer = updated(model, AdamW().make(model))
    state = torchtitan(model, optimizer)["optimizer"]
    wrapped = {
        key.replace(".layers.0.", ".layers.0._checkpoint_wrapped_module.").replace(
            "state.model.", "state._orig_mod.model."
        ): value
        for key, value in state.items()
    }
    assert wrapped.keys() != state.keys()
    dcp.save({"optimizer": wrapped}, checkpoint_id=tmp_path, no_dist=True)
    assert_same(moments_of(tmp_path, model), model, optimizer)


@pytest.fixture
def by_the_trainer(tmp_path: Path, model: Any) -> tuple[Path, Any]:
    """A checkpoint of Hugging Face's Trainer, and the trainer."""
    from transformers import Trainer, TrainingArguments

    examples = [
        {"input_ids": list(range(n, n + 8)), "labels": list(range(n, n + 8))} for n in (1, 4)
    ]
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(tmp_path),
            max_steps=3,
            save_steps=2,
            per_device_train_batch_size=1,
            learning_rate=1e-3,
            weight_decay=0.1,
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
        ),
        train_dataset=examples,  # type: ignore[arg-type]
    )
    trainer.train()
    return tmp_path / "checkpoint-3", trainer


def test_moments_of_hugging_faces_trainer_get_names(by_the_trainer: tuple[Path, Any]) -> None:
    folder, trainer = by_the_trainer
    assert (folder / "optimizer.pt").is_file()
    moments = moments_of(folder, make())
    assert_same(moments, trainer.model, trainer.optimizer)
    assert moments.shapes == moments_of(folder, make(), shapes_only=True).shapes
    # After two of three steps of its linear decay; Trainer saves it before the next update.
    assert moments_of(folder.parent / "checkpoint-2", make()).learning_rate == pytest.approx(
        1e-3 / 3
    )
    assert decaying_names(trainer.model) == set(trainer.get_decay_parameter_names(trainer.model))


def test_moments_of_one_group_are_in_the_models_order(tmp_path: Path, model: Any) -> None:
    optimizer = updated(model, torch.optim.AdamW(model.parameters()))
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    assert_same(moments_of(tmp_path, model), model, optimizer)


def test_moments_keep_the_names_of_a_file(tmp_path: Path, model: Any) -> None:
    optimizer = updated(model, AdamW().make(model))
    options = StateDictOptions(full_state_dict=True)
    torch.save(
        get_optimizer_state_dict(model, optimizer, options=options), tmp_path / "optimizer.pt"
    )
    assert_same(moments_of(tmp_path, model), model, optimizer)


def test_moments_of_groups_of_other_sizes_cannot_be_named(tmp_path: Path, model: Any) -> None:
    # Ours spare embeddings too, which the Trainer does not.
    optimizer = updated(model, AdamW().make(model))
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    with pytest.raises(CheckpointError, match=r"groups of \[14, 6\] .* makes \[15, 5\]"):
        moments_of(tmp_path, model)


def test_moments_of_groups_with_learning_rates_of_their_own_have_none(
    tmp_path: Path, model: Any
) -> None:
    optimizer = updated(model, torch.optim.AdamW(model.parameters()))
    halves = optimizer.state_dict()
    (group,) = halves["param_groups"]
    halves["param_groups"] = [group, group | {"params": [], "lr": 1e-4}]
    torch.save(halves, tmp_path / "optimizer.pt")
    with pytest.raises(CheckpointError, match=r"groups of \[20, 0\]"):
        moments_of(tmp_path, model)
    named = get_optimizer_state_dict(model, make_two_groups(model))
    torch.save(named, tmp_path / "optimizer.pt")
    assert moments_of(tmp_path, model).learning_rate is None


def make_two_groups(model: Any) -> torch.optim.Optimizer:
    first, *others = model.parameters()
    optimizer = torch.optim.AdamW([{"params": [first]}, {"params": others}])
    updated(model, optimizer).param_groups[0]["lr"] = 5e-4
    return optimizer


def test_moments_of_another_optimizer_are_refused(tmp_path: Path, model: Any) -> None:
    optimizer = updated(model, torch.optim.SGD(model.parameters(), momentum=0.9))
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    with pytest.raises(CheckpointError, match=r"is momentum_buffer, and that of AdamW is exp_avg"):
        moments_of(tmp_path, model)


class Harmful:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return self.mark.touch, ()


def test_moments_of_a_file_that_would_run_code_are_not_loaded(tmp_path: Path, model: Any) -> None:
    mark = tmp_path / "mark"
    torch.save({"state": Harmful(mark), "param_groups": []}, tmp_path / "optimizer.pt")
    with pytest.raises(CheckpointError, match=r"optimizer\.pt: .* is not loaded"):
        moments_of(tmp_path, model)
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut"])
def test_moments_of_a_damaged_file_are_refused(tmp_path: Path, model: Any, content: bytes) -> None:
    (tmp_path / "optimizer.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"optimizer\.pt: it is damaged"):
        moments_of(tmp_path, model)


def test_moments_of_a_cut_dcp_folder_are_refused_by_name(tmp_path: Path, model: Any) -> None:
    optimizer = updated(model, AdamW().make(model))
    dcp.save(olmo_core(model, optimizer), checkpoint_id=tmp_path, no_dist=True)
    (file,) = tmp_path.glob("*.distcp")
    file.unlink()
    with pytest.raises(CheckpointError, match=r"__0_0\.distcp.*; replace it, or say inherit"):
        moments_of(tmp_path, model)


def test_moments_that_are_not_there_say_what_to_do(tmp_path: Path, model: Any) -> None:
    dcp.save({"model": get_model_state_dict(model)}, checkpoint_id=tmp_path, no_dist=True)
    assert find_moments(tmp_path) is None
    with pytest.raises(CheckpointError, match=r"no moments to keep: .*\{moments: \{reset: WHY\}\}"):
        moments_of(tmp_path, model)


def test_moments_in_two_folders_are_one_too_many(tmp_path: Path, model: Any) -> None:
    optimizer = updated(model, AdamW().make(model))
    for name in ("one", "two"):
        dcp.save(olmo_core(model, optimizer), checkpoint_id=tmp_path / name, no_dist=True)
    with pytest.raises(CheckpointError, match=r"one and .*two both hold moments"):
        find_moments(tmp_path)
