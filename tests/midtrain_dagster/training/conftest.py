"""A tiny corpus and a tiny stage, for all tests of training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.tokens.shards import INDEX
from midtrain_dagster.training.job import Job

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
    """Makes a job; keywords change the stage, those of ``told`` change the job itself."""

    def make(told: dict[str, Any] | None = None, **stage: Any) -> Job:
        fields = {
            "name": "base",
            "stage": STAGE | stage,
            "seed": 5,
            "shards": [corpus],
            "token_dtype": "uint16",
            "padding": 0,
            "vocabulary": VOCABULARY,
            "model": MODEL,
        }
        return Job.model_validate(fields | (told or {}))

    return make
