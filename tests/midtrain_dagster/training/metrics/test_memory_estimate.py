"""What a stage needs is counted by hand, and is less than what real runs take."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed.checkpoint as dcp

from midtrain_dagster.models.new import ModelConfig, new_model
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.metrics.memory_estimate import (
    MemoryEstimate,
    estimate,
    planned_model,
)

Make = Callable[..., Job]
CONSTANT = [{"phase": "constant", "learning_rate": 1e-3}]
LAYER = 2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64 + 2 * 32
PARAMETERS = 2 * LAYER + 97 * 32 + 32
KEPT = 6 * 32 + 64 + 2 * 32 + 2 * 16 + 2 * 64 + 32
"""Numbers a token that go into a layer's matrices, and come out."""
WIDER = {"hidden_size": 384, "layers": 4, "heads": 6, "kv_heads": 6, "intermediate_size": 1024}
LONG = {"tokens": 4096, "batch_tokens": 4096, "sequence_length": 4096}
WHY = {"reset": "a test"}


def needed(job: Job, world_size: int = 1, **place: str) -> MemoryEstimate:
    return estimate(planned_model(job), job, world_size, **place)


def test_estimate_is_the_one_counted_by_hand(job: Make) -> None:
    told = job(micro_batch_tokens=64)
    assert all(parameter.is_meta for parameter in planned_model(told).parameters())
    found = needed(told)
    assert found.forward == {
        "weights, gradients and moments": 16 * PARAMETERS,
        "activations": 4 * 64 * 2 * KEPT,
        "attention masks": 4 * 2 * 2 * 32**2,
        "logits": 8 * 64 * 97 + 4 * 97 * 32,
    }
    assert found.update == {"weights, gradients and moments": 16 * PARAMETERS}
    assert found.loading == {"whole weights in fp32": 4 * PARAMETERS}
    assert (found.resting, found.gathered) == (12 * PARAMETERS, 0)


def test_estimate_of_one_micro_batch_has_no_gradients_in_its_forward_pass(job: Make) -> None:
    """But DistributedDataParallel keeps buckets of them."""
    assert needed(job()).forward["weights and moments"] == 12 * PARAMETERS
    bucketed = needed(job(workers=2), 2).forward
    assert bucketed["weights, gradients and moments"] == 16 * PARAMETERS


def test_estimate_is_less_with_each_way_out(job: Make) -> None:
    whole = needed(job())
    for part in ("activations", "attention masks"):
        assert needed(job(micro_batch_tokens=128)).forward[part] == whole.forward[part] // 2
        assert needed(job(workers=2), 2).forward[part] == whole.forward[part] // 2
        assert needed(job(precision="bf16")).forward[part] == whole.forward[part] // 2
        assert needed(job(activation_checkpointing=True)).forward[part] < whole.forward[part]
    fsdp = job(parallel="fsdp", workers=2)
    assert needed(fsdp, 2).resting == whole.resting // 2
    assert needed(fsdp, 2).update["weights, gradients and moments"] == 8 * PARAMETERS


def test_estimate_has_the_mask_of_a_layer_computed_again_once(job: Make) -> None:
    found = needed(job(activation_checkpointing=True)).forward
    assert found["activations"] == 4 * 32 * 256 * 2
    assert found["attention masks"] == 8 * 32**2
    assert found["a layer computed again"] == 4 * 256 * KEPT + 4 * 8 * 32**2


def test_estimate_has_no_mask_for_windows_of_one_piece(job: Make) -> None:
    """Every document is longer than a window of two tokens, and the first ones are whole pieces."""
    told = job(sequence_length=2, batch_tokens=4, tokens=8, schedule=CONSTANT)
    plan = told.plan(told.open_shards())
    whole = all(
        stop - start == 2 for slot in range(2) for _, start, stop in plan.window(0, slot)[1]
    )
    assert whole
    assert needed(told).forward["attention masks"] == 0


def test_estimate_has_no_mask_where_documents_are_attended_to_one_by_one(
    job: Make, masked: Path
) -> None:
    assert needed(large(job, "masks", masked)).forward["attention masks"] == 4 * 2 * 4096**2
    assert needed(job(**LONG, schedule=CONSTANT)).forward["attention masks"] == 0


def test_estimate_counts_what_loading_takes_of_the_host(job: Make, tmp_path: Path) -> None:
    """fp32 weights stay in their file; others become fp32, and reset ones are drawn."""
    model = new_model(job().model, vocabulary=97, sequence_length=32, seed=0)  # type: ignore[arg-type]
    model.save_pretrained(tmp_path / "fp32")
    model.bfloat16().save_pretrained(tmp_path / "bf16")

    def weights(start: str, **inherit: Any) -> int:
        inherit = {"moments": WHY, "learning_rate": WHY} | inherit
        told = job({"start": tmp_path / start}, start="x", schedule=CONSTANT, inherit=inherit)
        return needed(told).loading["whole weights in fp32"]

    assert weights("fp32") == 0
    assert weights("bf16") == 4 * PARAMETERS
    assert weights("fp32", weights=WHY) == 4 * PARAMETERS


def test_estimate_counts_the_moments_of_a_dcp_folder_whole(job: Make, tmp_path: Path) -> None:
    model = new_model(job().model, vocabulary=97, sequence_length=32, seed=0)  # type: ignore[arg-type]
    model.save_pretrained(tmp_path)
    state = {
        f"optimizer.state.{name}.{field}": torch.zeros_like(parameter)
        for name, parameter in model.named_parameters()
        for field in ("exp_avg", "exp_avg_sq")
    }
    steps = {key.replace("exp_avg_sq", "step"): torch.tensor(3.0) for key in state if "sq" in key}
    dcp.save(state | steps, checkpoint_id=tmp_path / "optimizer", no_dist=True)
    told = job({"start": tmp_path}, start="x", schedule=CONSTANT, inherit={"learning_rate": WHY})
    assert needed(told).loading["whole moments"] == 8 * PARAMETERS
    reset = {"learning_rate": WHY, "moments": WHY}
    told = job({"start": tmp_path}, start="x", schedule=CONSTANT, inherit=reset)
    assert "whole moments" not in needed(told).loading


@pytest.mark.parametrize(
    "stage, world_size, device, parts",
    [({}, 1, "cpu", 0), ({}, 1, "cuda", 12), ({"parallel": "fsdp", "workers": 2}, 2, "cpu", 12)],
)
def test_estimate_counts_what_a_checkpoint_gathers_on_the_host(
    job: Make, stage: dict[str, Any], world_size: int, device: str, parts: int
) -> None:
    assert needed(job(**stage), world_size, device=device).gathered == parts * PARAMETERS


FORKS = """
import json, os, sys
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # no thread may live when a process is forked
import numba, polars, psutil, torch, transformers
from transformers import AutoModelForCausalLM, LlamaForCausalLM

from midtrain_dagster.models.load import load_to_train
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
from midtrain_dagster.training.metrics.memory import peak_memory


def private():
    taken = psutil.Process().memory_info()
    return taken.rss - taken.shared


def loads(folders):
    kept, taken = [load_to_train(Path(folders[0]))], []
    for folder in folders[1:]:
        before = private()
        kept.append(load_to_train(Path(folder)))
        for parameter in kept[-1].parameters():
            parameter.detach().sum()
        taken.append(private() - before)
    return taken


def trains(jobs, output):
    peaks = []
    for number, job in enumerate(jobs):
        train(Job.model_validate(job), output=Path(output, str(number)))
        peaks.append(peak_memory("cpu"))
    return peaks[1] - peaks[0]


for name, arguments in json.load(sys.stdin).items():
    child = os.fork()
    if child == 0:
        print(json.dumps({name: globals()[arguments[0]](*arguments[1:])}), flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, name
"""
"""A process that forks one for each measurement, and prints what that took."""

LARGE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "seven million parameters": (WIDER, {"tokens": 512, "batch_tokens": 4096}),
    "masks": ({}, LONG),
    "masks in bf16": ({}, LONG | {"precision": "bf16"}),
    "masks, checkpointed": ({}, LONG | {"activation_checkpointing": True}),
}
"""Masks are those of a family that does not attend by documents."""


def large(job: Make, name: str, masked: Path) -> Job:
    model, stage = LARGE[name]
    small = job()
    assert small.model is not None
    if name.startswith("masks"):
        inherit = {"moments": WHY, "learning_rate": WHY}
        fields = {"start": masked, "model": None}
        return job(fields, schedule=CONSTANT, start="base", inherit=inherit, **stage)
    return job({"model": small.model.model_dump() | model}, schedule=CONSTANT, **stage)


@pytest.fixture(scope="module")
def taken(job: Make, masked: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Bytes that real processes took: to train each of ``LARGE`` beyond a tiny stage, and to load
    weights of one model in fp32 and in bf16."""
    folder = tmp_path_factory.mktemp("taken")
    model = new_model(ModelConfig.model_validate(WIDER), vocabulary=97, sequence_length=32, seed=0)
    model.save_pretrained(folder / "fp32")
    model.bfloat16().save_pretrained(folder / "bf16")
    pairs = {name: (job(), large(job, name, masked)) for name in LARGE}
    measured: dict[str, Any] = {
        name: ("trains", [each.model_dump(mode="json") for each in pair], name)
        for name, pair in pairs.items()
    }
    measured["loading"] = ("loads", [str(folder / name) for name in ("bf16", "fp32", "bf16")])
    done = subprocess.run(
        [sys.executable, "-c", FORKS],
        input=json.dumps(measured),
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {name: found for line in lines for name, found in line.items()}


@pytest.mark.parametrize("name", LARGE)
def test_estimate_is_below_what_a_run_takes_and_not_far(
    job: Make, masked: Path, taken: dict[str, Any], name: str
) -> None:
    found = needed(large(job, name, masked))
    least = max(sum(found.forward.values()), sum(found.update.values()))
    assert 0.5 * taken[name] < least < taken[name]


def test_load_to_train_maps_fp32_weights_and_no_others(taken: dict[str, Any]) -> None:
    model = new_model(ModelConfig.model_validate(WIDER), vocabulary=97, sequence_length=32, seed=0)
    size = sum(4 * parameter.numel() for parameter in model.parameters())
    mapped, converted = taken["loading"]
    assert mapped < 0.2 * size
    assert converted > 0.9 * size
