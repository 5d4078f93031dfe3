"""Two gloo workers that share each window, against one that has it whole."""

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

from benchmarks.families import small_model
from midtrain_dagster.models.new import new_model
from midtrain_dagster.training.checkpoints.checkpoint import read_log
from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
from midtrain_dagster.training.stage import Stage
from midtrain_dagster.training.transition.attention import choose_attention

Make = Callable[..., Job]

CONSTANT = [{"phase": "constant", "learning_rate": 3e-3}]
SHORT = {"tokens": 4 * 96, "batch_tokens": 96, "micro_batch_tokens": 64, "schedule": CONSTANT}
LONG = {
    "tokens": 3 * 384, "batch_tokens": 384, "sequence_length": 192, "schedule": CONSTANT,
    "positions": "window", "z_loss": 1e-4,
}  # fmt: skip
SHARED = {"workers": 2, "context_parallel": 2}
STAGES: dict[str, dict[str, Any]] = {
    "short": SHORT,
    "long": LONG,
    "one text": LONG | {"positions": "one_text"},
    "sharded": LONG | {"parallel": "fsdp"},
    "again": LONG | {"activation_checkpointing": True},
}

WORKER = """
import json, sys
from pathlib import Path
from torch.distributed import destroy_process_group, init_process_group
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train

jobs, folder, rank = json.loads(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
for name, told in jobs.items():
    train(Job.model_validate(told), output=folder / name, rank=rank, world_size=2)
destroy_process_group()
"""


@pytest.fixture(scope="module")
def shared(job: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every stage, trained by two workers that share its windows."""
    folder = tmp_path_factory.mktemp("shared")
    jobs = {name: job(**stage, **SHARED).model_dump(mode="json") for name, stage in STAGES.items()}
    command = [sys.executable, "-c", WORKER, json.dumps(jobs), str(folder)]
    workers = [subprocess.Popen([*command, str(rank)]) for rank in range(2)]
    assert [worker.wait() for worker in workers] == [0, 0]
    return folder


@pytest.mark.parametrize("name", STAGES)
def test_workers_that_share_windows_train_what_one_trains(
    name: str, shared: Path, job: Make, tmp_path: Path
) -> None:
    """Losses, norms of gradients, and AdamW's first moments, which are sums of gradients."""
    stage = STAGES[name] | {"parallel": "ddp", "activation_checkpointing": False}
    alone = train(job(**stage), output=tmp_path / "alone")
    other = shared / name / alone.name
    for field, tolerance in (("loss", 1e-5), ("gradient_norm", 1e-4)):
        expected = [record[field] for record in read_log(alone)]
        found = [record[field] for record in read_log(other)]
        np.testing.assert_allclose(found, expected, rtol=tolerance)
    moments, others = (load_file(each / "optimizer.safetensors") for each in (alone, other))
    assert moments.keys() == others.keys()
    for key, tensor in moments.items():
        torch.testing.assert_close(others[key], tensor, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    "stage, reason",
    [
        ({"workers": 3}, "context_parallel 2 does not divide workers 3"),
        ({"sequence_length": 31, "batch_tokens": 62}, "does not divide sequence_length 31"),
        ({"noise_scale_every": 1}, "no worker has whole ones: leave out one of the two"),
        ({"workers": 18}, "exceed the 8 windows of a step .* times context_parallel 2"),
    ],
)
def test_what_cannot_be_shared_is_refused(job: Make, stage: dict[str, Any], reason: str) -> None:
    fields = job().stage.model_dump() | SHARED | {"schedule": CONSTANT} | stage
    with pytest.raises(ValueError, match=reason):
        Stage.model_validate(fields)


def test_a_model_that_cannot_share_is_refused_before_a_step(job: Make) -> None:
    told = job(workers=4, context_parallel=4)
    assert told.model is not None
    model = new_model(told.model, vocabulary=97, sequence_length=32, seed=0).eval()
    with pytest.raises(TransitionError, match=r"its 2 heads of keys are not divided among 4 work"):
        choose_attention(told.stage, model, "base")
    two = job(**SHARED).stage
    with pytest.raises(TransitionError, match=r"loss is a mean over whole windows: leave out cont"):
        choose_attention(two, small_model("mixtral"), "base")
    with pytest.raises(TransitionError, match=r"a DogeForCausalLM cannot share windows among work"):
        choose_attention(two, small_model("doge"), "base")
