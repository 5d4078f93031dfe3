"""Factors that a stage searches for: on which documents, by which score, and where they stand."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file

from midtrain_dagster.models.load import load_to_train
from midtrain_dagster.tokens.shards import INDEX, TokenShards
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train
from midtrain_dagster.training.rope.found_factors import (
    CUE,
    PASSAGE,
    find_factors,
    longest_documents,
    with_repeated_passage,
)
from midtrain_dagster.training.rope.method import RopeError
from midtrain_dagster.training.rope.methods.longrope import LongRope
from midtrain_dagster.training.rope.search_settings import Search
from tests.midtrain_dagster.training import conftest as of_training

base, corpus, job = of_training.base, of_training.corpus, of_training.job

Make = Callable[..., Job]
SEARCH = {"population": 5, "iterations": 2, "mutations": 3, "crossovers": 2, "parents": 3}
LENGTHS = [300, 20, 128, 400, 127]


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("held_out")
    tokens = [np.arange(length) * (3 + number) % 97 for number, length in enumerate(LENGTHS)]
    np.concatenate(tokens).astype("<u2").tofile(folder / "part.tokens")
    offsets = np.cumsum(LENGTHS) - LENGTHS
    ids = [f"h{number}" for number in range(len(LENGTHS))]
    table = pl.DataFrame({"id": ids, "domain": "web", "offset": offsets, "length": LENGTHS})
    table.cast(INDEX).write_parquet(folder / "part.parquet")  # type: ignore[arg-type]
    return folder / "part.tokens", folder / "part.parquet"


def longer(held_out: tuple[Path, Path], start: Path, **search: Any) -> dict[str, Any]:
    rope = {"method": "longrope", "original_length": 32, "search": SEARCH | search}
    return {
        "fields": {"start": start, "model": None, "held_out": [held_out]},
        "start": "base",
        "sequence_length": 128,
        "tokens": 4 * 256,
        "checkpoint_every": 2,
        "schedule": [{"phase": "decay", "shape": "linear", "to": 0.0}],
        "rope": rope,
    }


@pytest.mark.parametrize("score", ["documents", "needles"])
def test_a_stage_finds_its_factors_before_its_first_step(
    score: str, job: Make, base: Path, held_out: tuple[Path, Path], tmp_path: Path
) -> None:
    told = job(**longer(held_out, base, score=score))
    last = train(told, output=tmp_path / "whole")
    config = json.loads((last / "config.json").read_bytes())
    found = config["rope_parameters"]
    assert found["rope_type"] == "longrope"
    assert found["short_factor"] == found["long_factor"]
    factors = found["long_factor"]
    assert len(factors) == 4
    assert 1 <= factors[0] <= factors[-1] <= 5
    assert config["max_position_embeddings"] == 128
    # Found again, and gone on with.
    again = train(told, output=tmp_path / "again", resume=tmp_path / "whole" / "step-000002")
    assert (again / "config.json").read_bytes() == (last / "config.json").read_bytes()
    weights = [(folder / "model.safetensors").read_bytes() for folder in (last, again)]
    assert weights[0] == weights[1]


def test_what_is_found_is_the_best_of_what_was_scored(
    base: Path, held_out: tuple[Path, Path]
) -> None:
    shards = TokenShards.open([held_out], dtype="uint16")
    rope = LongRope(original_length=32, search=Search.model_validate(SEARCH | {"documents": 2}))
    config = load_to_train(base, shapes_only=True).config
    config.rope_parameters = rope.parameters(config.rope_parameters, 8)
    config.max_position_embeddings = 128
    model = load_to_train(base, config).eval()
    best = find_factors(model, rope, shards, length=128, seed=3)
    assert model.config.rope_parameters["long_factor"] == list(best)
    assert find_factors(model, rope, shards, length=128, seed=3) == best

    def loss(factors: Any) -> float:
        changed = LongRope(original_length=32, long_factors=factors)
        config.rope_parameters = changed.parameters(config.rope_parameters, 8)
        read, ids = load_to_train(base, config).eval(), longest_documents(shards, 128, 2)
        with torch.no_grad():
            batch = torch.from_numpy(np.stack(ids))
            return float(read(batch, labels=batch, use_cache=False).loss)

    from midtrain_dagster.training.rope.search import starts

    others = starts(4, base=1e4, factor=4, original=32)
    assert all(loss(best) <= loss(each) + 1e-6 for each in others)


def test_documents_are_the_longest_and_none_is_an_error(held_out: tuple[Path, Path]) -> None:
    shards = TokenShards.open([held_out], dtype="uint16")
    taken = longest_documents(shards, 128, 5)
    assert [int(each[1]) for each in taken] == [6, 3, 5]  # of 400, 300 and 128 tokens
    assert {len(each) for each in taken} == {128}
    with pytest.raises(RopeError, match="documents of 401 tokens, and the longest has 400"):
        longest_documents(shards, 401, 5)
    with pytest.raises(RopeError, match="the longest has 0"):
        longest_documents(None, 401, 5)


def test_a_needle_is_a_passage_from_far_before() -> None:
    document = np.arange(1000)
    made = with_repeated_passage(document, PASSAGE, np.random.default_rng(0))
    assert len(made) == 1000
    np.testing.assert_array_equal(made[:-PASSAGE], document[:-PASSAGE])
    passage = made[-PASSAGE:]
    np.testing.assert_array_equal(np.diff(passage), 1)
    assert passage[-1] < 500
    assert 0 < CUE < 1
    short = with_repeated_passage(np.arange(32), 8, np.random.default_rng(0))
    assert (len(short), short[-1] < 16) == (32, True)


@pytest.mark.slow
def test_of_two_workers_the_first_finds_for_both(
    job: Make, base: Path, held_out: tuple[Path, Path], tmp_path: Path
) -> None:
    stage = longer(held_out, base)
    alone = train(job(**stage), output=tmp_path / "alone")
    told = job(**stage, workers=2).model_dump(mode="json")
    processes = [
        subprocess.Popen([sys.executable, "-c", WORKER, json.dumps(told), str(tmp_path), str(rank)])
        for rank in range(2)
    ]
    assert [process.wait(200) for process in processes] == [0, 0]
    found = [
        json.loads((folder / "config.json").read_bytes())["rope_parameters"]
        for folder in (alone, tmp_path / "both" / alone.name)
    ]
    assert found[0] == found[1]
    weights = [
        load_file(each / "model.safetensors") for each in (alone, tmp_path / "both" / alone.name)
    ]
    for name, tensor in weights[0].items():
        assert torch.allclose(tensor, weights[1][name], atol=1e-5), name


WORKER = """
import json, sys
from pathlib import Path
from torch.distributed import destroy_process_group, init_process_group
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train

folder, rank = Path(sys.argv[2]), int(sys.argv[3])
init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
job = Job.model_validate(json.loads(sys.argv[1]))
train(job, output=folder / "both", rank=rank, world_size=2)
destroy_process_group()
"""
