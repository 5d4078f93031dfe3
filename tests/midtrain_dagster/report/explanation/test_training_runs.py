"""What the runs of the tiny recipe were fed, made again from their records."""

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from midtrain_dagster.dataloader.occurrences import spans_of_step
from midtrain_dagster.dataloader.plan import Plan
from midtrain_dagster.mixture.method import WEIGHTS
from midtrain_dagster.report.explanation.training_runs import (
    RunError,
    Seen,
    _in_pieces,
    seen_by,
    training_run,
)

RUNS = ("base", "annealed", "annealed/control", "extended")
END = "<|endoftext|>"


def same(one: Plan, other: Plan) -> bool:
    return one.steps == other.steps and all(
        one.documents_of_step(step).equals(other.documents_of_step(step))
        for step in range(one.steps)
    )


def by_run(tiny_run: Any, made: Any, identity: str) -> dict[str, Seen]:
    return {each.run: each for each in seen_by(tiny_run.recipe, made, identity)}


def without(made: Any, *runs: str) -> dict[str, Any]:
    gone = {f"checkpoint/{run}" for run in runs}
    return {name: each for name, each in made.items() if name not in gone}


def recipe_with(recipe: Any, **annealed: Any) -> Any:
    """The recipe with some fields of the stage ``annealed`` changed."""
    fields = recipe.model_dump(mode="json", exclude_unset=True, by_alias=True)
    fields["stages"]["annealed"] |= annealed
    return type(recipe).model_validate(fields)


def test_every_document_is_seen_where_the_steps_say(tiny_run: Any, made: Any) -> None:
    """What `explain DOCUMENT` says of all documents is what `explain STEP` says of all steps."""
    columns = ["document", "copy", "step", "slot", "start", "stop"]
    documents = made["token_shards"].read("train_index")["id"]
    seen = {each: by_run(tiny_run, made, each) for each in documents}
    for name in ("base", "annealed/control"):
        plan = training_run(tiny_run.recipe, made, name).plan
        by_step = pl.concat(
            spans_of_step(plan, step).with_columns(step=pl.lit(step, pl.Int64))
            for step in range(plan.steps)
        )
        by_document = pl.concat(
            found[name].sightings.with_columns(document=pl.lit(each))
            for each, found in seen.items()
        )
        assert by_step.height > 100
        found = by_document.select(columns).sort(columns)
        assert found.equals(by_step.select(columns).sort(columns))


def test_a_document_is_seen_with_its_tokens_and_skipped_steps(
    tiny_run: Any, made: Any, changed: Any
) -> None:
    row = made["token_shards"].read("train_index").filter(domain="web").row(0, named=True)
    log = made["checkpoint/base"].read("log")
    spiky = pl.when(pl.col("step") == 3).then(pl.lit("spike"))
    base = changed(made["checkpoint/base"], {"log": log.with_columns(skipped=spiky)})
    found = by_run(tiny_run, without(made, "extended") | {"checkpoint/base": base}, row["id"])
    assert list(found) == list(RUNS)
    assert found["base"].tokens == row["length"]
    assert found["base"].skipped == {3: "spike"} and found["annealed"].skipped == {}
    assert not found["extended"].is_trained


def test_what_is_held_out_or_dropped_was_never_seen(tiny_run: Any, made: Any) -> None:
    held_out = made["token_shards"].read("held_out_index")["id"][0]
    dropped = made["curated_documents"].read("decisions").filter(~pl.col("keep"))["id"][0]
    for identity in (held_out, dropped):
        for each in seen_by(tiny_run.recipe, made, identity):
            assert each.sightings.is_empty() and each.tokens == 0
            assert each.is_held_out == (identity == held_out)


def test_spans_are_decoded_to_the_text_that_was_trained_on(tiny_run: Any, made: Any) -> None:
    run = training_run(tiny_run.recipe, made, "base")
    spans = pl.concat(spans_of_step(run.plan, step) for step in range(run.plan.steps))
    documents = made["documents"].read("documents")
    edited = made["curated_documents"].read("decisions").filter(pl.col("edits").list.len() > 0)
    texts = dict(documents.select("id", "text").iter_rows())
    begun = ended = 0
    for span, text in zip(spans.iter_rows(named=True), run.texts(spans), strict=True):
        if span["document"] in edited["id"]:
            continue
        # A window may cut a character that has several bytes.
        shown, document = text.strip("\N{REPLACEMENT CHARACTER}"), texts[span["document"]] + END
        assert shown in document
        if span["start"] == 0:
            begun += document.startswith(shown)
        if span["stop"] == span["length"]:
            ended += document.endswith(shown)
    assert (
        begun == spans.filter(~pl.col("document").is_in(edited["id"].implode()), start=0).height > 0
    )
    assert ended > 0
    few = spans.head(20)
    pairs = zip(run.texts(few), run.texts(few, longest=2), strict=True)
    assert all(long.startswith(short.strip("\N{REPLACEMENT CHARACTER}")) for long, short in pairs)
    assert run.texts(spans.clear()) == []


def test_a_run_that_is_still_to_come_is_planned_as_it_is_trained(tiny_run: Any, made: Any) -> None:
    for name in RUNS:
        planned = training_run(tiny_run.recipe, without(made, *RUNS), name)
        trained = training_run(tiny_run.recipe, made, name)
        assert planned.checkpoint is None and trained.checkpoint is not None
        assert same(planned.plan, trained.plan)
    with pytest.raises(RunError, match="its token shards are still to be made"):
        training_run(tiny_run.recipe, {}, "annealed")


def test_the_record_counts_and_not_the_recipe_as_it_is_now(tiny_run: Any, made: Any) -> None:
    recipe = recipe_with(tiny_run.recipe, mixture={"domains": {"web": 1.0}, "max_epochs": 99})
    now, then = (training_run(each, made, "annealed").plan for each in (recipe, tiny_run.recipe))
    assert same(now, then)
    planned = training_run(recipe, without(made, "annealed"), "annealed").plan
    assert set(planned.delivered()) == {"web"}


def test_a_plan_that_cannot_be_made_again_is_refused(
    tiny_run: Any, made: Any, changed: Any
) -> None:
    record = json.loads(made["checkpoint/base"].content("run.json"))
    other = json.dumps(record | {"steps": 12, "seed": 99}).encode()
    mended = made | {"checkpoint/base": changed(made["checkpoint/base"], {"run.json": other})}
    with pytest.raises(RunError, match="base was trained by another version of the plan"):
        training_run(tiny_run.recipe, mended, "base")
    identity = made["token_shards"].read("train_index")["id"][0]
    found = by_run(tiny_run, mended, identity)
    assert "another version of the plan" in found["base"].error
    assert not found["annealed"].error


def test_shards_that_are_gone_are_named(tiny_run: Any, made: Any, changed: Any) -> None:
    base = made["checkpoint/base"]
    lost = changed(base, upstream=base.manifest.upstream | {"token_shards": "0" * 32})
    with pytest.raises(RunError, match="shards that base was trained on are not in the store"):
        training_run(tiny_run.recipe, made | {"checkpoint/base": lost}, "base")


def test_a_stage_goes_on_in_the_data_of_its_start(tiny_run: Any, made: Any) -> None:
    recipe = recipe_with(
        tiny_run.recipe,
        inherit={"data": "keep"},
        mixture={"domains": {"web": 0.5, "wikipedia": 0.5}},
    )
    base = training_run(recipe, made, "base").plan
    plan = training_run(recipe, without(made, "annealed"), "annealed").plan
    assert plan.position(0)["pools"] == base.position(base.steps)["pools"]
    with pytest.raises(RunError, match="annealed has no plan yet: base: no position in the data"):
        training_run(recipe, without(made, "base", "annealed"), "annealed")


def test_a_mixture_that_was_found_is_bound(tiny_run: Any, made: Any, changed: Any) -> None:
    few = without(made, "extended")
    lost = {name: each for name, each in few.items() if name != "mixture/flattened"}
    with pytest.raises(RunError, match="its mixture is still to be made"):
        training_run(tiny_run.recipe, lost, "extended")
    weights = pl.DataFrame([("web", 1.0, 10)], WEIGHTS, orient="row")
    other = changed(made["mixture/flattened"], {"weights": weights})
    plan = training_run(tiny_run.recipe, few | {"mixture/flattened": other}, "extended").plan
    assert set(plan.delivered()) == {"web"}


def test_text_is_cut_where_the_loss_begins_to_look_and_ceases() -> None:
    letters = [[1, 2, 3, 4, 5], [], [6, 7]]
    learnt = [np.array([0, 0, 1, 1, 0]) > 0, np.empty(0, np.bool_), np.array([1, 1]) > 0]
    made = _in_pieces(lambda ids: ["".join(map(str, each)) for each in ids], letters, learnt)
    assert made == [[("12", False), ("34", True), ("5", False)], [], [("67", True)]]
