"""A run's record is enough to make its plan again."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.tokens.shards import INDEX
from midtrain_dagster.training.checkpoints.checkpoint import State
from midtrain_dagster.training.inherit import TransitionError
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.record import (
    MIXTURE,
    RunRecord,
    mixture_table,
    plan_of,
    record_of,
    shares_by_group,
    with_shares,
)
from midtrain_dagster.training.runs import Run

Make = Callable[..., Job]
STATE = State(stage="base", seed=5, step=8, tokens=2048, learning_rate=1e-3)


def test_record_makes_the_plan_of_the_run_again(job: Make) -> None:
    run = job({"role": "control"})
    shards = run.open_shards()
    stored = RunRecord.model_validate_json(run.record().model_dump_json())
    assert (stored.run, stored.stage_name) == ("base/control", "base")
    again, plan = plan_of(stored, shards), run.plan(shards)
    for step in range(plan.steps):
        assert again.documents_of_step(step).equals(plan.documents_of_step(step))


def test_record_goes_on_where_its_start_stopped(job: Make) -> None:
    base = job()
    position = base.plan(base.open_shards()).position(8)
    stage = job({"start": "anywhere"}, start="base", inherit={"data": "keep"}).stage
    run = Run("annealed", stage, seed=5)
    state = State(**(STATE.__dict__ | {"data": position}))
    plan = plan_of(record_of(run, state), base.open_shards())
    assert plan.position(0) == position
    for unknown in (STATE, None):
        with pytest.raises(TransitionError, match="base: no position in the data is known"):
            record_of(run, unknown)


def test_record_has_no_cause_in_where_the_run_was_made(job: Make) -> None:
    assert job(workers=2, restarts=3).record() == job().record()


def test_record_wants_a_mixture_that_is_bound(job: Make) -> None:
    late: dict[str, Any] = {"from": "searched", "max_epochs": 3}
    stage = job(mixture=late).stage
    with pytest.raises(TypeError, match="base: the mixture 'searched' is not bound"):
        record_of(Run("base", stage, seed=5))
    bound = with_shares(stage, {"web": 0.25, "code": 0.75})
    record = record_of(Run("base", bound, seed=5))
    assert record.mixture == Mixture(domains={"web": 0.25, "code": 0.75}, max_epochs=3)
    with pytest.raises(TypeError, match="shares of its own"):
        with_shares(bound, {"web": 1.0})


def test_mixture_table_has_shares_and_the_tokens_they_stand_for(job: Make) -> None:
    run = job()
    plan = run.plan(run.open_shards())
    table = mixture_table(plan)
    assert table.schema == MIXTURE
    assert set(table["domain"]) == {"web", "code"}
    for column in ("planned", "delivered"):
        assert table[column].sum() == pytest.approx(1)
    assert table["planned"].to_list() == pytest.approx([0.5, 0.5], abs=0.01)
    assert dict(zip(table["domain"], table["tokens"], strict=True)) == plan.delivered()
    assert (table["epochs"] > 0).all()


def test_shares_of_groups_are_of_whole_documents_whatever_their_copy(job: Make) -> None:
    run = job()
    shards = run.open_shards()
    domains = [shards.domains[number] for number in shards.domain_of]
    index = pl.DataFrame(
        {
            "id": shards.ids,
            "domain": domains,
            "offset": shards.lengths.cumsum() - shards.lengths,
            "length": shards.lengths,
        }
    ).cast(INDEX)
    code = index.filter(domain="code").select("id", group=pl.lit("written"))
    shares = shares_by_group({"base": run.record()}, index, code)
    assert shares.select("run", "group").rows() == [("base", "written")]
    assert shares["tokens"].item() == run.plan(shards).delivered()["code"]
    assert shares["planned"].item() == pytest.approx(0.5, abs=0.01)
    copied = index.with_columns(id=pl.when(domain="code").then(pl.col("id") + "#2").otherwise("id"))
    assert shares_by_group({"base": run.record()}, copied, code).equals(shares)
    assert shares_by_group({"base": run.record()}, index, code.clear()).is_empty()
