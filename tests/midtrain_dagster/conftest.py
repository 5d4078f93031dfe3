"""What the rooms from tokens to training share: a tokenizer, passages, shards that count up."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.tokens.shards import TokenShards
from midtrain_dagster.tokens.tokenizer import train_tokenizer

PASSAGES = Path(__file__).parents[2] / "data/evals/evals/registry/data/schelling_point"

Write = Callable[[Path, Mapping[str, Sequence[int]], int], TokenShards]


def write_shards(folder: Path, lengths: Mapping[str, Sequence[int]], parts: int = 1) -> TokenShards:
    """Shards whose tokens count up through the corpus: every token says where it is from."""
    rows = [
        (f"{domain}-{number}", domain, length)
        for domain, domain_lengths in lengths.items()
        for number, length in enumerate(domain_lengths)
    ]
    opened, counter = [], 0
    for part in range(parts):
        chosen = rows[part::parts]
        length = np.array([row[2] for row in chosen], np.uint32)
        stop = np.cumsum(length, dtype=np.uint64)
        file = folder / f"{part}.tokens"
        total = int(length.sum())
        np.arange(counter, counter + total, dtype="<u4").tofile(file)
        counter += total
        index = pl.DataFrame(
            {
                "id": [row[0] for row in chosen],
                "domain": [row[1] for row in chosen],
                "offset": stop - length,
                "length": length,
            },
            {"id": pl.String, "domain": pl.String, "offset": pl.UInt64, "length": pl.UInt32},
        )
        opened.append((file, index))
    return TokenShards.open(opened, dtype="uint32")


@pytest.fixture(scope="session")
def shards_of() -> Write:
    return write_shards


@pytest.fixture(scope="session")
def passages() -> list[str]:
    lines = (PASSAGES / "wikipedia_5.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["0"] for line in lines]


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory, passages: list[str]) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    for name, data in train_tokenizer(passages, vocabulary=1024).items():
        (folder / name).write_bytes(data)
    return folder
