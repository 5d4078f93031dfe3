"""The handle knows which of an artifact's files are what."""

import json
from collections.abc import Callable

import polars as pl
import pytest

from midtrain_dagster.core.artifacts import ArtifactStore, Part
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.models.load import CheckpointError
from midtrain_dagster.training.artifact import Checkpoint
from midtrain_dagster.training.checkpoints.checkpoint import STATE, VERSION, State
from midtrain_dagster.training.job import Job

STATED = {"version": VERSION, "stage": "base", "seed": 1, "step": 2, "tokens": 64}
FILES = {
    "config.json": b"{}",
    "model.safetensors": b"at the end",
    "optimizer.safetensors": b"moments",
    "tokenizer.json": b"{}",
    "log.jsonl": b"",
    STATE: json.dumps(STATED | {"learning_rate": 1e-3}).encode(),
}


def stored(store: ArtifactStore, *parts: Part, files: dict[str, bytes]) -> Checkpoint:
    written = [write_output(store.storage, "parts/x", name, data) for name, data in files.items()]
    made = store.make("checkpoint", {"loop": 1}, None, {}, lambda _: ([*written, *parts], {}))
    return Checkpoint(made)


def names(parts: list[Part]) -> list[str]:
    return [part.table for part in parts]


def test_checkpoint_knows_its_files_and_its_milestones(
    store: ArtifactStore, job: Callable[..., Job]
) -> None:
    record, log = job().record(), pl.DataFrame({"step": [0], "loss": [3.0]})
    of_run = [
        write_output(store.storage, "parts/x", "log", log),
        write_output(store.storage, "parts/x", "mixture", pl.DataFrame({"domain": ["web"]})),
        write_output(store.storage, "parts/x", "run.json", record.model_dump_json().encode()),
        write_output(store.storage, "parts/x/step-000001", "milestone", b"before"),
    ]
    checkpoint = stored(store, *of_run, files=FILES)
    assert checkpoint.is_trained
    assert names(checkpoint.files) == list(FILES)
    model = ["config.json", "model.safetensors", "tokenizer.json"]
    assert names(checkpoint.model_files) == model
    (milestone,) = checkpoint.milestones
    assert names(checkpoint.at(milestone)) == ["milestone", "config.json", "tokenizer.json"]
    assert checkpoint.record == record
    assert checkpoint.log.equals(log)
    assert checkpoint.mixture["domain"].to_list() == ["web"]
    assert checkpoint.state == State("base", 1, 2, 64, 1e-3)
    assert checkpoint.fingerprint == checkpoint.artifact.fingerprint


def test_checkpoint_that_was_not_trained_here_has_no_record(store: ArtifactStore) -> None:
    given = stored(store, files={"config.json": b"{}", "model.safetensors": b"given"})
    assert not given.is_trained
    assert given.state is None
    with pytest.raises(KeyError, match=r"run\.json"):
        _ = given.record


def test_checkpoint_refuses_a_state_of_another_version(store: ArtifactStore) -> None:
    old = json.dumps(STATED | {"version": 1, "learning_rate": 1e-3}).encode()
    with pytest.raises(CheckpointError, match=rf"{STATE}: version 1, this code reads {VERSION}"):
        _ = stored(store, files=FILES | {STATE: old}).state
