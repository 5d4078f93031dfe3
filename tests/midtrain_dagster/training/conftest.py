"""A tiny corpus and a tiny stage, for all tests of training."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.tokens.shards import INDEX
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train

VOCABULARY = 97
LENGTH = 32
BATCH = 8 * LENGTH

MODEL = {"hidden_size": 32, "layers": 2, "heads": 4, "kv_heads": 2, "intermediate_size": 64}
STAGE: dict[str, Any] = {
    "start": "random",
    "tokens": 8 * BATCH,
    "batch_tokens": BATCH,
    "sequence_length": LENGTH,
    "schedule": [
        {"phase": "warmup", "to": 1e-2, "tokens": 2 * BATCH},
        {"phase": "decay", "shape": "cosine", "to": 1e-3},
    ],
    "mixture": {"domains": {"web": 0.5, "code": 0.5}, "max_epochs": 10_000},
    "checkpoint_every": 3,
}


# Seven windows: the second worker has one less, and fills up with padding.
UNEVEN: dict[str, Any] = {
    "tokens": 6 * 7 * 32,
    "batch_tokens": 7 * 32,
    "micro_batch_tokens": 32,
    "noise_scale_every": 2,
    "schedule": [{"phase": "constant", "learning_rate": 3e-3}],
    "z_loss": 1e-4,
}
"""A stage of two workers."""

PAIR = """
import json, sys
from pathlib import Path
import torch
import torch.distributed.checkpoint as dcp
from torch.distributed import destroy_process_group, init_process_group
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor
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
mesh = init_device_mesh("cpu", (2,))
whole = torch.arange(15.0).view(5, 3)  # not divisible by two
shards = {f"dim {dim}": distribute_tensor(whole, mesh, [Shard(dim)]) for dim in (0, 1)}
dcp.save(shards, checkpoint_id=f"{folder}/dcp")
destroy_process_group()
"""
"""One of two processes that run several jobs together, one after the other, and write shards."""


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One part of token shards: documents that count upwards, in steps of one to four."""
    folder = tmp_path_factory.mktemp("corpus")
    generator = np.random.default_rng(0)
    lengths = generator.integers(3, 60, 120).astype(np.uint32)
    documents = [
        (generator.integers(VOCABULARY) + generator.integers(1, 5) * np.arange(length)) % VOCABULARY
        for length in lengths
    ]
    np.concatenate(documents).astype("<u2").tofile(folder / "part.tokens")
    index = pl.DataFrame(
        {
            "id": [f"document-{number}" for number in range(len(lengths))],
            "domain": ["code" if number % 3 == 0 else "web" for number in range(len(lengths))],
            "offset": (np.cumsum(lengths) - lengths).astype(np.uint64),
            "length": lengths,
        },
        schema=INDEX,
    )
    index.write_parquet(folder / "part.parquet")
    return folder / "part.tokens", folder / "part.parquet"


@pytest.fixture(scope="session")
def job(corpus: tuple[Path, Path]) -> Callable[..., Job]:
    """Makes a job; keywords change the stage, ``fields`` the job itself."""

    def make(fields: dict[str, Any] | None = None, **stage: Any) -> Job:
        usual = {
            "name": "base",
            "stage": STAGE | stage,
            "seed": 5,
            "shards": [corpus],
            "token_dtype": "uint16",
            "padding": 0,
            "vocabulary": VOCABULARY,
            "model": MODEL,
        }
        return Job.model_validate(usual | (fields or {}))

    return make


@pytest.fixture(scope="session")
def base(job: Callable[..., Job], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last checkpoint of the stage, 8 steps, at learning rate 1e-3; tests do not change it."""
    return train(job(), output=tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def uneven() -> dict[str, Any]:
    """The stage that ``pair`` trains."""
    return UNEVEN


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory, job: Callable[..., Job]) -> Path:
    """What two workers have made together: runs ``ddp``, ``fsdp``, ``resumed`` and ``saving`` of
    ``uneven``, three of them with Muon (``muon-ddp``), and ``dcp`` with two shards of the tensors
    ``dim 0`` and ``dim 1``."""
    folder = tmp_path_factory.mktemp("pair")
    fsdp = job(**UNEVEN, workers=2, parallel="fsdp")
    # Without an interval: the first worker says when a checkpoint is due.
    saving = job(**UNEVEN, workers=2, activation_checkpointing=True, checkpoint_every=None)
    muon = UNEVEN | {"optimizer": {"method": "muon"}}
    jobs = {
        "ddp": (job(**UNEVEN, workers=2), None),
        "fsdp": (fsdp, None),
        "resumed": (fsdp, "fsdp/step-000003"),
        "saving": (saving, None),
        "muon-ddp": (job(**muon, workers=2), None),
        "muon-fsdp": (job(**muon, workers=2, parallel="fsdp"), None),
        "muon-resumed": (job(**muon, workers=2, parallel="fsdp"), "muon-fsdp/step-000003"),
    }
    told = json.dumps({name: (j.model_dump(mode="json"), at) for name, (j, at) in jobs.items()})
    processes = [
        subprocess.Popen([sys.executable, "-c", PAIR, told, str(folder), str(rank)])
        for rank in range(2)
    ]
    assert [process.wait(200) for process in processes] == [0, 0]
    return folder
