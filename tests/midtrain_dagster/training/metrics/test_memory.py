"""What cannot fit is refused before it is loaded, and the message says what to change."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from midtrain_dagster.core import limits
from midtrain_dagster.models.new import new_model
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
from midtrain_dagster.training.metrics import memory
from midtrain_dagster.training.metrics.memory import (
    TooLittleMemoryError,
    available_memory,
    check_memory,
    peak_memory,
)
from midtrain_dagster.training.metrics.memory_estimate import estimate, planned_model

Make = Callable[..., Job]
CONSTANT = [{"phase": "constant", "learning_rate": 1e-3}]
HUGE = {
    "hidden_size": 2**16,
    "layers": 200,
    "heads": 64,
    "kv_heads": 8,
    "intermediate_size": 2**18,
}


def test_check_memory_refuses_a_model_before_it_is_made(job: Make, tmp_path: Path) -> None:
    with pytest.raises(TooLittleMemoryError) as error:
        train(job({"model": HUGE}), output=tmp_path)
    message = str(error.value)
    assert message.startswith("base: a worker needs at least")
    assert "set parallel: fsdp with workers on several machines, or take a smaller model" in message
    assert peak_memory("cpu") < 8 * 2**30


@pytest.mark.parametrize(
    "stage, advice",
    [
        ({}, "lower micro_batch_tokens or set activation_checkpointing: true or lower sequence"),
        (
            {"micro_batch_tokens": 2**13, "activation_checkpointing": True},
            "lower micro_batch_tokens or lower sequence_length",
        ),
        (
            {"micro_batch_tokens": 2**12, "activation_checkpointing": True},
            "cpu has .* GiB: lower sequence_length",
        ),
    ],
)
def test_check_memory_has_advice_for_a_forward_pass(
    job: Make, masked: Path, monkeypatch: pytest.MonkeyPatch, stage: dict[str, Any], advice: str
) -> None:
    batch = {"sequence_length": 2**12, "batch_tokens": 2**17, "tokens": 2**18}
    reset = {"reset": "a test"}
    told = job(
        {"start": masked, "model": None},
        **batch,
        start="base",
        inherit={"moments": reset, "learning_rate": reset},
        schedule=CONSTANT,
        **stage,
    )
    monkeypatch.setattr(memory, "available_memory", lambda device: 2**26)
    with pytest.raises(TooLittleMemoryError, match=advice) as error:
        check_memory(told, world_size=1, device="cpu")
    assert "attention masks" in str(error.value)


def test_check_memory_counts_the_workers_of_a_machine(
    job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = job()
    found = estimate(planned_model(told), told, 2)
    monkeypatch.setattr(memory, "available_memory", lambda device: 4 * sum(found.forward.values()))
    check_memory(told, world_size=2, device="cpu", neighbours=4)
    with pytest.raises(TooLittleMemoryError, match="each of 5 workers needs at least"):
        check_memory(told, world_size=2, device="cpu", neighbours=5)


def free_on(host: int, device: int) -> Callable[[str], int]:
    return lambda name: host if name == "cpu" else device


def test_check_memory_looks_at_a_gpu_and_its_host_apart(
    job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = job(micro_batch_tokens=32)
    found = estimate(planned_model(told), told, 1, device="cuda")
    training, weights = sum(found.forward.values()), found.resting // 3

    def check(host: int, device: int, neighbours: int = 1) -> None:
        monkeypatch.setattr(memory, "available_memory", free_on(host, device))
        check_memory(told, world_size=1, device="cuda", neighbours=neighbours)

    check(3 * weights, training)
    with pytest.raises(TooLittleMemoryError, match=r"forward pass of 32 tokens .* but cuda has"):
        check(2**40, training - 1)
    with pytest.raises(TooLittleMemoryError, match=r"checkpoint, on rank 0 .*the host .*smaller"):
        check(3 * weights - 1, training)
    check(8 * weights, training, neighbours=8)
    with pytest.raises(TooLittleMemoryError, match=r"each of 8 .* to load .*put fewer workers"):
        check(8 * weights - 1, training, neighbours=8)


def test_check_memory_counts_what_rank_0_gathers(
    job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint is the peak, where updates and loading would fit."""
    model = {"hidden_size": 384, "layers": 4, "heads": 6, "kv_heads": 6, "intermediate_size": 1024}
    told = job({"model": model}, parallel="fsdp", workers=2, micro_batch_tokens=32)
    weights = estimate(planned_model(told), told, 2).resting * 2 // 3
    monkeypatch.setattr(memory, "available_memory", lambda device: 6 * weights)
    check_memory(told, world_size=2, device="cpu", neighbours=2)
    monkeypatch.setattr(memory, "available_memory", lambda device: 6 * weights - 1)
    advice = r"write a checkpoint, on rank 0 .*: put fewer workers on its machine"
    with pytest.raises(TooLittleMemoryError, match=advice):
        check_memory(told, world_size=2, device="cpu", neighbours=2)


def test_check_memory_advises_to_store_a_start_in_fp32(
    job: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = job().model
    assert config is not None
    model = new_model(config, vocabulary=97, sequence_length=32, seed=0)
    inherit = {"moments": {"reset": "a test"}, "learning_rate": {"reset": "a test"}}
    told = job({"start": tmp_path}, start="x", schedule=CONSTANT, inherit=inherit)
    free = 12 * sum(parameter.numel() for parameter in model.parameters())
    monkeypatch.setattr(memory, "available_memory", free_on(free, 2**40))
    model.save_pretrained(tmp_path)
    check_memory(told, world_size=4, device="cuda", neighbours=4)
    model.bfloat16().save_pretrained(tmp_path)
    with pytest.raises(TooLittleMemoryError, match="or store the start's weights in fp32"):
        check_memory(told, world_size=4, device="cuda", neighbours=4)


def test_available_memory_is_what_a_containers_limit_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").write_text("0::/\n")
    monkeypatch.setattr(limits, "OWN", tmp_path / "own")
    monkeypatch.setattr(limits, "GROUPS", tmp_path)
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 400000\ninactive_file 250000\n")
    assert available_memory("cpu") == 550000
    (tmp_path / "memory.max").write_text("max\n")
    free = psutil.virtual_memory().available
    assert available_memory("cpu") == pytest.approx(free, rel=0.2)


@pytest.mark.parametrize("status", [memory.STATUS, Path("/no/such/file")])
def test_peak_memory_is_in_bytes(status: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From Linux's own figures, and from those that every Unix has."""
    monkeypatch.setattr(memory, "STATUS", status)
    now = psutil.Process().memory_info().rss
    assert now * 0.99 <= peak_memory("cpu") < 64 * 2**30
