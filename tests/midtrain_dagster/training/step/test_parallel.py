"""Two gloo workers: the same training with whole models, with shards, and with less kept."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from midtrain_dagster.dataloader.batch import collate
from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.training.checkpoints.checkpoint import read_log
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
from midtrain_dagster.training.step.noise_scale import Squares, estimate
from midtrain_dagster.training.step.objective import make_objective
from midtrain_dagster.training.step.parallel import checkpoint_activations, layers
from midtrain_dagster.training.step.update import compute_gradient

Make = Callable[..., Job]

PAIR = """
import json, sys
from pathlib import Path
from torch.distributed import destroy_process_group, init_process_group
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train

jobs, folder, rank = json.loads(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
for name, (told, resume) in jobs.items():
    train(
        Job.model_validate(told),
        output=folder / name,
        resume=resume and folder / resume,
        rank=rank,
        world_size=2,
    )
destroy_process_group()
"""
"""One of two processes that run several jobs together, one after the other."""

# Seven windows: the second worker has one less, and fills up with padding.
STAGE: dict[str, Any] = {
    "tokens": 6 * 7 * 32,
    "batch_tokens": 7 * 32,
    "micro_batch_tokens": 32,
    "noise_scale_every": 2,
    "schedule": [{"phase": "constant", "learning_rate": 3e-3}],
    "z_loss": 1e-4,
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, job: Make) -> Path:
    """A folder with the runs of one pair."""
    folder = tmp_path_factory.mktemp("pair")
    fsdp = job(**STAGE, workers=2, parallel="fsdp")
    jobs = {
        "ddp": (job(**STAGE, workers=2), None),
        "fsdp": (fsdp, None),
        "resumed": (fsdp, "fsdp/step-000003"),
        "saving": (job(**STAGE, workers=2, activation_checkpointing=True), None),
    }
    told = json.dumps({name: (j.model_dump(mode="json"), at) for name, (j, at) in jobs.items()})
    processes = [
        subprocess.Popen([sys.executable, "-c", PAIR, told, str(folder), str(rank)])
        for rank in range(2)
    ]
    assert [process.wait(200) for process in processes] == [0, 0]
    return folder


def same_files(one: Path, other: Path) -> bool:
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in other.iterdir())
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


def test_shards_train_what_whole_models_train(runs: Path, job: Make, tmp_path: Path) -> None:
    alone = train(job(**STAGE), output=tmp_path / "alone")
    ddp, fsdp = (runs / name / "step-000006" for name in ("ddp", "fsdp"))
    for other in (ddp, fsdp):
        for field in ("loss", "gradient_norm"):
            expected = [record[field] for record in read_log(alone)]
            found = [record[field] for record in read_log(other)]
            np.testing.assert_allclose(found, expected, rtol=3e-5)
    one, other = load_file(ddp / "optimizer.safetensors"), load_file(fsdp / "optimizer.safetensors")
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(tensor, other[name], rtol=1e-3, atol=1e-6)
    assert (ddp / "config.json").read_bytes() == (fsdp / "config.json").read_bytes()


def test_shards_resume_to_the_same_bytes(runs: Path) -> None:
    assert same_files(runs / "fsdp" / "step-000006", runs / "resumed" / "step-000006")


def test_activations_computed_twice_change_no_bit(runs: Path) -> None:
    assert same_files(runs / "ddp" / "step-000006", runs / "saving" / "step-000006")


def test_the_noise_is_measured_on_each_workers_first_part_or_on_all_of_them(
    runs: Path, job: Make
) -> None:
    told = job(**{**STAGE, "optimizer": {"clip": None}, "z_loss": 1e-4})
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
        log = read_log(runs / name / "step-000006")
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


def test_with_activations_computed_twice_little_is_kept() -> None:
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
