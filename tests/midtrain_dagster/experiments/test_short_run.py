"""A short run trains as a stage does, measures after each phase, and fails alone."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.experiments.groups import GROUPS
from midtrain_dagster.experiments.short_run import LOSSES, RUNS, STEPS, Measures, Phase, run
from midtrain_dagster.training.checkpoints.checkpoint import read_log
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.loop import train

from .conftest import BATCH, MODEL, World

Make = Callable[..., Phase]


@pytest.fixture
def short(world: World) -> Callable[..., dict[str, pl.DataFrame]]:
    """Runs phases from the base."""

    def make(*phases: Phase, **fields: Any) -> dict[str, pl.DataFrame]:
        usual: dict[str, Any] = {
            "phases": phases,
            "seed": 1,
            "measures": world.measures,
            "vocabulary": world.vocabulary,
            "shards": world.train,
            "held_out": world.held_out,
            "tokenizer": world.tokenizer,
            "start": world.base,
        }
        return run(**usual | fields)

    return make


def values(found: dict[str, pl.DataFrame], phase: str = "anneal") -> dict[str, float]:
    return dict(found["losses"].filter(phase=phase).select("target", "value").iter_rows())


def test_a_run_gives_its_losses_by_target_and_the_steps_of_its_log(short: Any, phase: Make) -> None:
    found = short(phase())
    assert found["runs"].schema == RUNS
    assert found["losses"].schema == LOSSES
    assert found["steps"].schema == STEPS
    assert found["runs"].row(0, named=True) == {
        "phase": "anneal",
        "tokens": 8 * BATCH,
        "parameters": found["runs"]["parameters"][0],
        "failed": None,
    }
    assert found["runs"]["parameters"][0] > 1000
    assert set(values(found)) == {"loss/web", "loss/code", "loss/mathematics"}
    assert found["steps"].height == 8
    assert found["steps"]["learning_rate"][0] == pytest.approx(1e-2)
    assert found["losses"]["unit"].unique().to_list() == ["nats a token"]
    assert found["losses"]["tokens"].is_between(1, 400).all()


def test_it_trains_as_a_stage_does(short: Any, phase: Make, world: World, tmp_path: Any) -> None:
    told = phase()
    files = [
        (each, each.with_name(each.name.replace("tokens.bin", "index.parquet")))
        for each in sorted(world.train.glob("*.bin"))
    ]
    job = Job(
        name="anneal",
        stage=told.stage,
        seed=1,
        shards=tuple(files),
        token_dtype="<u2",
        padding=0,
        vocabulary=300,
        start=world.base,
        tokenizer=world.tokenizer,
    )
    log = read_log(train(job, output=tmp_path))
    assert short(told)["steps"]["loss"].to_list() == [row["loss"] for row in log]


def test_what_is_mixed_in_is_learnt_and_the_seed_orders_the_documents(
    short: Any, phase: Make
) -> None:
    mixture = {"domains": {"web": 0.5, "code": 0.5}, "max_epochs": 1000}
    general, mixed = short(phase()), short(phase(mixture=mixture))
    assert values(mixed)["loss/code"] < values(general)["loss/code"] - 0.2
    again, other = short(phase()), short(phase(), seed=2)
    assert again["losses"].equals(general["losses"])
    assert values(other) != values(general)


def test_other_domains_in_the_shards_change_nothing(
    short: Any, phase: Make, world: World, tmp_path: Any
) -> None:
    for file in world.train.glob("web_*"):
        (tmp_path / file.name).symlink_to(file)
    assert short(phase(), shards=tmp_path)["losses"].equals(short(phase())["losses"])


def test_a_phase_goes_on_from_the_one_before(short: Any, phase: Make) -> None:
    tuned = phase(
        "fine_tuning",
        start="anneal",
        schedule=[{"phase": "constant", "learning_rate": 1e-3}],
        mixture={"domains": {"mathematics": 1}, "max_epochs": 99},
        inherit={"rng": {"reset": "x"}, "learning_rate": {"reset": "x"}},
    )
    found = short(phase(), tuned)
    assert found["runs"]["phase"].to_list() == ["anneal", "fine_tuning"]
    assert values(found) == values(short(phase()))
    assert (
        values(found, "fine_tuning")["loss/mathematics"] < values(found)["loss/mathematics"] - 0.2
    )


def test_a_run_from_random_weights_needs_no_start(short: Any, phase: Make) -> None:
    schedule = [{"phase": "constant", "learning_rate": 1e-2}]
    found = short(phase(start="random", schedule=schedule), start=None, model=MODEL)
    assert found["runs"]["failed"].to_list() == [None]


def test_a_run_that_is_no_number_is_a_row_with_its_reason(short: Any, phase: Make) -> None:
    wild = phase(
        schedule=[{"phase": "constant", "learning_rate": 1e30}],
        inherit={"rng": {"reset": "x"}, "learning_rate": {"reset": "to diverge"}},
    )
    found = short(wild, phase("after", start="anneal"))
    assert found["runs"]["phase"].to_list() == ["anneal"]
    assert "step 1" in found["runs"]["failed"][0]
    assert found["losses"].is_empty()


def test_documents_of_a_group_are_a_domain_of_their_own(short: Any, phase: Make) -> None:
    names = [f"train-web-{number}" for number in range(30)]
    groups = pl.DataFrame({"id": names, "group": "forum"}, GROUPS)
    mixture = {"domains": {"forum": 0.5, "web": 0.5}, "max_epochs": 1000}
    found = short(phase(mixture=mixture), groups=groups)
    assert found["runs"]["failed"].to_list() == [None]
    assert values(found) != values(short(phase()))


def test_answers_are_in_bits_per_byte(short: Any, phase: Make, world: World) -> None:
    items = pl.DataFrame(
        {
            "benchmark": ["quiz"] * 3,
            "item": ["a", "b", "c"],
            "question": ["the river ran", "def return", "no answer"],
            "choices": [["past a small town", "lambda"], [], []],
            "gold": [0, None, None],
            "answer": [None, "self", None],
        },
        schema_overrides={"choices": pl.List(pl.String), "gold": pl.Int64},
    )
    asked = Measures(**world.measures.model_dump() | {"benchmarks": ("quiz",)})
    found = short(phase(), measures=asked, items=items)["losses"].filter(target="answers/quiz")
    row = found.row(0, named=True)
    assert (row["unit"], row["tokens"]) == ("bits a byte", 2)
    assert 0 < row["value"] < 8
