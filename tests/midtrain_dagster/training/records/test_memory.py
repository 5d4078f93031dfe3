"""What cannot fit is refused before it is loaded, and the message says what to change."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
from midtrain_dagster.training.records import memory
from midtrain_dagster.training.records.memory import (
    TooLittleMemoryError,
    available_memory,
    check_memory,
    estimate,
    peak_memory,
    planned_model,
)

Make = Callable[..., Job]
CONSTANT = [{"phase": "constant", "rate": 1e-3}]
HUGE = {
    "hidden_size": 2**16,
    "layers": 200,
    "heads": 64,
    "kv_heads": 8,
    "intermediate_size": 2**18,
}


def test_the_estimate_counted_by_hand(job: Make) -> None:
    told = job(micro_batch_tokens=64)
    model = planned_model(told)
    assert all(parameter.is_meta for parameter in model.parameters())
    found = estimate(model, told, 1)
    layer = 2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64 + 2 * 32
    assert found.state == 16 * (2 * layer + 97 * 32 + 32)
    inputs, outputs = 6 * 32 + 64, 2 * 32 + 2 * 16 + 2 * 64 + 32
    assert found.activations == 4 * 64 * 2 * (inputs + outputs)
    assert found.logits == 8 * 64 * 97 + 4 * 97 * 32
    assert found.total == found.state + found.activations + found.logits


def test_each_way_out_makes_it_less(job: Make) -> None:
    model = planned_model(job())
    whole = estimate(model, job(), 1)
    assert estimate(model, job(micro_batch_tokens=128), 1).activations == whole.activations // 2
    assert estimate(model, job(workers=2), 2).activations == whole.activations // 2
    assert estimate(model, job(workers=2), 2).state == whole.state
    assert estimate(model, job(parallel="fsdp", workers=2), 2).state == whole.state // 2
    assert estimate(model, job(precision="bf16"), 1).activations == whole.activations // 2
    assert estimate(model, job(activation_checkpointing=True), 1).activations < whole.activations


def test_a_model_that_cannot_fit_is_refused_before_it_is_made(job: Make, tmp_path: Path) -> None:
    with pytest.raises(TooLittleMemoryError) as error:
        train(job({"model": HUGE}), output=tmp_path)
    message = str(error.value)
    assert message.startswith("base: a worker needs at least")
    assert "set parallel: fsdp with several workers or devices, or take a smaller model" in message
    assert peak_memory("cpu") < 8 * 2**30


@pytest.mark.parametrize(
    "stage, advice",
    [
        ({}, "lower micro_batch_tokens or set activation_checkpointing: true or lower sequence"),
        (
            {"micro_batch_tokens": 2**21, "activation_checkpointing": True},
            "lower micro_batch_tokens or lower sequence_length",
        ),
        (
            {"micro_batch_tokens": 2**16, "activation_checkpointing": True},
            "cpu has .* GiB: lower sequence_length",
        ),
    ],
)
def test_activations_that_cannot_fit_have_their_own_advice(
    job: Make, monkeypatch: pytest.MonkeyPatch, stage: dict[str, Any], advice: str
) -> None:
    batch = {"sequence_length": 2**16, "batch_tokens": 2**24, "tokens": 2**26}
    told = job(**batch, schedule=CONSTANT, **stage)
    monkeypatch.setattr(memory, "available_memory", lambda device: 2**26)
    with pytest.raises(TooLittleMemoryError, match=advice):
        check_memory(told, world_size=1, device="cpu")


def test_workers_on_one_machine_share_its_memory(job: Make) -> None:
    told = job()
    need = estimate(planned_model(told), told, 2).total
    neighbours = available_memory("cpu") // need * 2
    check_memory(told, world_size=2, device="cpu", neighbours=2)
    with pytest.raises(TooLittleMemoryError, match=f"each of {neighbours} workers needs at least"):
        check_memory(told, world_size=2, device="cpu", neighbours=neighbours)


def test_a_container_has_what_its_limit_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
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


TAKES = """
import sys
from pathlib import Path
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
from midtrain_dagster.training.records.memory import peak_memory

small, large = (Job.model_validate_json(told) for told in sys.argv[1:3])
peaks = []
for number, job in enumerate((small, large)):
    train(job, output=Path(sys.argv[3], str(number)))
    peaks.append(peak_memory("cpu"))
print(peaks[1] - peaks[0])
"""


def test_the_estimate_is_below_what_a_run_takes_and_not_far(job: Make, tmp_path: Path) -> None:
    """A process that runs a tiny stage and then one of 7 million parameters."""
    model = {"hidden_size": 384, "layers": 4, "heads": 6, "kv_heads": 6, "intermediate_size": 1024}
    large = job({"model": model}, tokens=512, batch_tokens=4096, schedule=CONSTANT)
    command = [sys.executable, "-c", TAKES, job().model_dump_json(), large.model_dump_json()]
    done = subprocess.run([*command, tmp_path], capture_output=True, text=True, check=True)
    taken = int(done.stdout.split()[-1])
    need = estimate(planned_model(large), large, 1).total
    assert 0.5 * taken < need < taken
