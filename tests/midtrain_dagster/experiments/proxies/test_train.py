"""A proxy is trained as a stage is, keeps its weights alone, and fails by a row."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.experiments.proxies.measure import MEASURED, measure, no_number
from midtrain_dagster.experiments.proxies.settings import Proxy
from midtrain_dagster.experiments.proxies.train import MODEL as FILES
from midtrain_dagster.experiments.proxies.train import OUTCOME, train
from midtrain_dagster.experiments.short_run import Measures
from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train as train_stage

from ..conftest import BATCH, LENGTH, MODEL, World

USUAL = {"tokens": 8 * BATCH, "batch_tokens": BATCH, "sequence_length": LENGTH}


def proxy(**fields: Any) -> Proxy:
    return Proxy.model_validate({"model": MODEL} | USUAL | fields)


def trained(world: World, section: Proxy, **fields: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "stage": section.stage({"web": 0.5, "code": 0.5}),
        "seed": 5,
        "vocabulary": world.vocabulary,
        "shards": world.train,
        "model": section.new_model,
    }
    return train(**usual | fields)


def folder_of(made: dict[str, Any], folder: Path) -> Path:
    folder.mkdir()
    for name in FILES:
        (folder / name).write_bytes(made[name])
    return folder


def test_it_trains_as_a_stage_does(world: World, tmp_path: Path) -> None:
    section = proxy()
    made = trained(world, section)
    files = [
        (each, each.with_name(each.name.replace("tokens.bin", "index.parquet")))
        for each in sorted(world.train.glob("*.bin"))
    ]
    job = Job(
        name="proxy",
        stage=section.stage({"web": 0.5, "code": 0.5}),
        seed=5,
        shards=tuple(files),
        token_dtype="<u2",
        padding=0,
        vocabulary=300,
        model=MODEL,
    )
    stage = train_stage(job, output=tmp_path)
    assert all((stage / name).read_bytes() == made[name] for name in FILES)
    assert set(made) == {*FILES, "outcome"}
    assert made["outcome"].schema == OUTCOME
    assert made["outcome"]["tokens"][0] == 8 * BATCH


def test_one_from_a_checkpoint_decays_from_its_rate_with_its_moments(
    world: World, tmp_path: Path
) -> None:
    section = Proxy.model_validate(USUAL | {"start": "base"})
    made = trained(world, section, start=world.base)
    begun = measured(world, world.base)
    after = measured(world, folder_of(made, tmp_path / "model"))
    assert after["loss/code"] < begun["loss/code"]
    with pytest.raises(TransitionError, match="seed"):
        trained(world, section, start=world.base, seed=6)


def measured(world: World, model: Path, **fields: Any) -> dict[str, float | None]:
    measures = Measures(
        domains=("code", "law", "web"), sequence_length=LENGTH, tokens_by_domain=400
    )
    usual = {"measures": measures, "vocabulary": world.vocabulary, "held_out": world.held_out}
    found = measure(model=model, **usual | fields)["measured"]
    assert found.schema == MEASURED
    return dict(found.select("target", "value").iter_rows())


def test_what_has_no_held_out_document_is_a_row_without_a_value(world: World) -> None:
    found = measured(world, world.base)
    assert list(found) == ["loss/code", "loss/law", "loss/web"]
    assert found["loss/law"] is None and found["loss/code"] is not None


def test_answers_are_measured_by_the_tokenizer_beside_the_model(
    world: World, tmp_path: Path
) -> None:
    items = pl.DataFrame(
        {
            "benchmark": ["towns"] * 2,
            "item": ["1", "2"],
            "question": ["the river ran past a small", "people met each"],
            "choices": [["town", "class"], []],
            "gold": [0, None],
            "answer": [None, "morning"],
        },
        {
            "benchmark": pl.String,
            "item": pl.String,
            "question": pl.String,
            "choices": pl.List(pl.String),
            "gold": pl.Int64,
            "answer": pl.String,
        },
    )
    model = folder_of(trained(world, proxy()), tmp_path / "model")
    measures = Measures(
        domains=(), sequence_length=LENGTH, tokens_by_domain=1, benchmarks=("towns",), items=10
    )
    found = measure(
        model=model,
        measures=measures,
        vocabulary=world.vocabulary,
        tokenizer=world.tokenizer,
        items=items,
    )["measured"]
    (row,) = found.iter_rows(named=True)
    assert (row["target"], row["unit"], row["tokens"]) == ("answers/towns", "bits a byte", 2)
    assert 0 < row["value"] < 20


def test_one_that_gives_no_number_has_the_reason_and_no_weights(world: World) -> None:
    schedule = [{"phase": "constant", "learning_rate": 1e30}]
    made = trained(world, proxy(schedule=schedule))
    assert list(made) == ["outcome"]
    (row,) = made["outcome"].iter_rows(named=True)
    assert row["parameters"] is None and row["failed"].startswith("proxy, step 1: loss ")
    assert len(row["failed"]) <= 300


def test_a_measure_that_is_no_number_is_named() -> None:
    rows = [("loss/web", float("nan"), "nats a token", 9), ("loss/law", None, "nats a token", 0)]
    assert no_number(pl.DataFrame(rows, MEASURED, orient="row")) == "no number: loss/web"
    assert no_number(pl.DataFrame(rows[1:], MEASURED, orient="row")) is None
