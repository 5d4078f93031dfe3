"""Two gloo workers: the same training with whole models, with shards, and with less kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from midtrain_dagster.dataloader.batch import collate
from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.training.checkpoints.checkpoint import read_log, verify_checkpoint
from midtrain_dagster.training.gradient import compute_gradient
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
from midtrain_dagster.training.step.noise_scale import Squares, estimate
from midtrain_dagster.training.step.objective import make_objective
from midtrain_dagster.training.step.parallel import checkpoint_activations, layers

Make = Callable[..., Job]


def same_files(one: Path, other: Path) -> bool:
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in other.iterdir())
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_fsdp_trains_what_whole_models_train(
    pair: Path, job: Make, uneven: dict[str, Any], tmp_path: Path, optimizer: str
) -> None:
    alone = train(job(**uneven, optimizer={"method": optimizer}), output=tmp_path / "alone")
    begin = "" if optimizer == "adamw" else f"{optimizer}-"
    ddp, fsdp = (pair / f"{begin}{name}" / "step-000006" for name in ("ddp", "fsdp"))
    for other in (ddp, fsdp):
        for field in ("loss", "gradient_norm", "learning_rate"):
            expected = [record[field] for record in read_log(alone)]
            found = [record[field] for record in read_log(other)]
            np.testing.assert_allclose(found, expected, rtol=3e-5)
    one, other = load_file(ddp / "optimizer.safetensors"), load_file(fsdp / "optimizer.safetensors")
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(tensor, other[name], rtol=1e-3, atol=1e-6)
    assert (ddp / "config.json").read_bytes() == (fsdp / "config.json").read_bytes()


@pytest.mark.parametrize("begin", ["", "muon-"])
def test_fsdp_resumes_to_the_same_bytes(pair: Path, begin: str) -> None:
    ends = (pair / f"{begin}{name}" / "step-000006" for name in ("fsdp", "resumed"))
    assert same_files(*ends)


def test_activation_checkpointing_changes_no_bit(pair: Path) -> None:
    assert same_files(pair / "ddp" / "step-000006", pair / "saving" / "step-000006")


def test_workers_agree_on_when_a_checkpoint_is_due(pair: Path) -> None:
    """The clock of the first decides; else one of the two would wait for the other for ever."""
    written = sorted(path.name for path in (pair / "saving").glob("step-*"))
    assert {"step-000001", "step-000006"} <= set(written)
    assert verify_checkpoint(pair / "saving" / written[-2]).step < 6


def test_noise_scale_is_measured_on_each_workers_first_part_or_on_all_of_them(
    pair: Path, job: Make, uneven: dict[str, Any]
) -> None:
    told = job(**{**uneven, "optimizer": {"clip": None}, "z_loss": 1e-4})
    shards = told.open_shards()
    plan = told.plan(shards)

    def measured(*slots: int) -> tuple[float, int]:
        """The squared norm of these windows' gradient, and their labels."""
        windows = [plan.window(0, slot) for slot in slots]
        batch = collate(shards, windows, sequence_length=32, padding=0)
        assert told.model is not None
        model = new_model(told.model, vocabulary=97, sequence_length=32, seed=told.seed)
        module = make_objective(model.eval(), z_loss=1e-4)
        found = compute_gradient(module, told.stage, batch, world_size=1, measure=False)
        return found.norm**2, batch.labelled

    whole, labels = measured(*range(7))
    first, second, both = measured(0), measured(1), measured(0, 1)
    halves = (first[0] + second[0]) / 2, (1 / first[1] + 1 / second[1]) / 2
    for name, small in (("ddp", halves), ("fsdp", (both[0], 1 / both[1]))):
        log = read_log(pair / name / "step-000006")
        assert [record["noise_scale"] is not None for record in log[1::2]] == [False] * 3
        expected = estimate(Squares(*small, whole, 1 / labels))
        found = log[0]["gradient_square"], log[0]["gradient_variance"]
        assert found == pytest.approx(expected, rel=1e-3)


def test_layers_are_found_and_only_they_train() -> None:
    config = ModelConfig(hidden_size=32, layers=3, heads=2, kv_heads=1, intermediate_size=16)
    model = new_model(config, vocabulary=20, sequence_length=16, seed=0).eval()
    assert layers(model) == list(model.model.layers)
    checkpoint_activations(model)
    assert [part for part in model.modules() if part.training] == list(model.model.layers)
    with pytest.raises(ValueError, match="Linear has no layers"):
        layers(torch.nn.Linear(2, 2))


def test_activation_checkpointing_keeps_little() -> None:
    config = ModelConfig(hidden_size=32, layers=4, heads=2, kv_heads=1, intermediate_size=64)

    def kept(*, twice: bool) -> int:
        model = new_model(config, vocabulary=20, sequence_length=64, seed=0).eval()
        if twice:
            checkpoint_activations(model)
        sizes: dict[int, int] = {}

        def note(tensor: torch.Tensor) -> torch.Tensor:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            model(input_ids=torch.arange(64)[None] % 20, use_cache=False).logits.sum()
        return sum(sizes.values())

    assert kept(twice=True) < kept(twice=False) / 3
