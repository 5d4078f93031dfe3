import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from midtrain_dagster.core.artifacts import Artifact, ArtifactStore
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.dataloader.occurrences import spans_of_step
from midtrain_dagster.report.explanation.training_runs import RunError, Seen, seen_by, training_run
from midtrain_dagster.training.checkpoints.checkpoint import State
from midtrain_dagster.training.job import Job
from midtrain_dagster.training.stage import Stage

END = "<|endoftext|>"


def by_run(trained: Any, identity: str) -> dict[str, Seen]:
    return {each.run: each for each in seen_by(trained.recipe, trained.made, identity)}


def test_every_document_is_seen_where_the_steps_say(trained: Any) -> None:
    """What `explain DOCUMENT` says of all documents is what `explain STEP` says of all steps."""
    for name in ("base", "annealed"):
        run = training_run(trained.recipe, trained.made, name)
        columns = ["document", "copy", "step", "slot", "start", "stop"]
        by_step = pl.concat(
            spans_of_step(run.plan, step).with_columns(step=pl.lit(step, pl.Int64))
            for step in range(run.plan.steps)
        )
        by_document = pl.concat(
            by_run(trained, each)[name].sightings.with_columns(document=pl.lit(each))
            for each in trained.texts
        )
        assert by_step.height > 100
        told = by_document.select(columns).sort(columns)
        assert told.equals(by_step.select(columns).sort(columns))


def test_a_document_and_its_copies_are_told_together(trained: Any) -> None:
    seen = by_run(trained, trained.copied)
    assert set(seen["base"].sightings["copy"]) == {1, 2, 3}
    assert seen["base"].skipped == {3: "spike"}
    length = trained.made["token_shards"].read("train_index").filter(id=trained.copied)["length"]
    assert seen["base"].tokens == length.item()
    assert not seen["extended"].is_trained


def test_what_is_held_out_or_dropped_was_never_seen(trained: Any) -> None:
    for identity, held_out in ((trained.held_out, True), (trained.dropped, False)):
        for each in seen_by(trained.recipe, trained.made, identity):
            assert each.sightings.is_empty()
            assert each.tokens == 0
            assert each.is_held_out == (held_out and each.is_trained)


def test_spans_are_decoded_to_the_text_that_was_trained_on(trained: Any) -> None:
    run = training_run(trained.recipe, trained.made, "base")
    spans = pl.concat(spans_of_step(run.plan, step) for step in range(run.plan.steps))
    texts = run.texts(spans)
    whole = 0
    for span, text in zip(spans.iter_rows(named=True), texts, strict=True):
        document = trained.texts[span["document"]] + END
        assert text in document
        whole += text == document
    assert whole
    shorter = run.texts(spans, longest=2)
    assert all(long.startswith(short) for long, short in zip(texts, shorter, strict=True))
    assert run.texts(spans.clear()) == []


def test_a_run_that_is_still_to_come_is_planned_from_the_recipe(trained: Any) -> None:
    run = training_run(trained.recipe, trained.made, "extended")
    assert run.checkpoint is None
    assert run.plan.sequence_length == 256
    without = {name: each for name, each in trained.made.items() if name != "annealed"}
    planned = training_run(trained.recipe, without, "annealed").plan
    made = training_run(trained.recipe, trained.made, "annealed").plan
    for step in range(made.steps):
        assert planned.documents_of_step(step).equals(made.documents_of_step(step))
    with pytest.raises(RunError, match="its token shards are still to be made"):
        training_run(trained.recipe, {}, "annealed")


def changed(artifact: Artifact, **manifest: Any) -> Artifact:
    return replace(artifact, manifest=artifact.manifest.model_copy(update=manifest))


def test_the_record_is_told_and_not_the_recipe_as_it_is_now(trained: Any) -> None:
    fields = trained.recipe.model_dump(mode="json", exclude_unset=True)
    fields["stages"]["annealed"]["mixture"]["domains"] = {"qa": 1.0}
    recipe = type(trained.recipe).model_validate(fields)
    for name in ("base", "annealed"):
        now = training_run(recipe, trained.made, name).plan
        then = training_run(trained.recipe, trained.made, name).plan
        assert now.documents_of_step(2).equals(then.documents_of_step(2))


def test_a_plan_that_cannot_be_made_again_is_refused(trained: Any) -> None:
    other = trained.made["base"].manifest.section | {"seed": 99}
    other["stage"] = other["stage"] | {"tokens": 8_000}
    made = trained.made | {"base": changed(trained.made["base"], section=other)}
    with pytest.raises(RunError, match="base was trained by another version of the plan"):
        training_run(trained.recipe, made, "base")
    base, annealed, *_ = seen_by(trained.recipe, made, trained.copied)
    assert "another version of the plan" in base.error
    assert not annealed.error


def test_shards_that_are_gone_are_named(trained: Any) -> None:
    lost = changed(trained.made["base"], upstream={"token_shards": "0" * 32})
    made = trained.made | {"base": lost}
    with pytest.raises(RunError, match="shards that base was trained on are not in the store"):
        training_run(trained.recipe, made, "base")


def test_a_stage_that_goes_on_in_its_starts_data_needs_its_position(trained: Any) -> None:
    section = trained.made["annealed"].manifest.section
    inherit = section["stage"]["inherit"] | {"data": "keep"}
    kept = section | {"stage": section["stage"] | {"inherit": inherit}}
    made = trained.made | {"annealed": changed(trained.made["annealed"], section=kept)}
    with pytest.raises(RunError, match="goes on in the data of base"):
        training_run(trained.recipe, made, "annealed")


def job_of(trained: Any, name: str, start: Path | None, **stage: Any) -> Job:
    fields = trained.recipe.stage(name).model_dump(mode="json") | stage
    return Job(
        name=name,
        stage=Stage.model_validate(fields),
        seed=trained.recipe.seed,
        shards=(),
        token_dtype="uint16",
        padding=1,
        vocabulary=280,
        start=start,
        model=trained.recipe.base.model,
    )


def test_the_plan_is_the_one_that_training_makes(trained: Any, tmp_path: Path) -> None:
    for name, start in (("base", None), ("annealed", tmp_path), ("extended", tmp_path)):
        run = training_run(trained.recipe, trained.made, name)
        plan = job_of(trained, name, start).plan(run.shards.opened)
        assert plan.steps == run.plan.steps
        for step in range(plan.steps):
            assert plan.documents_of_step(step).equals(run.plan.documents_of_step(step))


def test_a_stage_that_goes_on_in_its_starts_data_is_told_from_there(
    trained: Any, tmp_path: Path
) -> None:
    base = training_run(trained.recipe, trained.made, "base")
    position = base.plan.position(base.plan.steps)
    state = State("base", trained.recipe.seed, base.plan.steps, 0, 1e-3, position)
    data = json.dumps({"version": 1} | asdict(state)).encode()
    (tmp_path / "state.json").write_bytes(data)
    (tmp_path / "digests.json").write_text("{}")
    storage = trained.made["base"].storage
    part = write_output(storage, "parts/checkpoint/begun", "state.json", data)
    start = changed(trained.made["base"], parts=(*trained.made["base"].manifest.parts, part))
    recipe = type(trained.recipe).model_validate(
        trained.recipe.model_dump(mode="json", exclude_unset=True)
        | {"stages": stages_with(trained.recipe, inherit={"data": "keep"})}
    )
    made = {"token_shards": trained.made["token_shards"], "base": start}
    plan = training_run(recipe, made, "annealed").plan
    theirs = job_of(trained, "annealed", tmp_path, inherit={"data": "keep"})
    expected = theirs.plan(base.shards.opened)
    fresh = training_run(trained.recipe, trained.made, "annealed").plan
    told = [plan.documents_of_step(step) for step in range(plan.steps)]
    for step, each in enumerate(told):
        assert each.equals(expected.documents_of_step(step))
    assert not told[0].equals(fresh.documents_of_step(0))


@pytest.mark.parametrize("method", ["base", "checkpoint"])
def test_the_position_of_a_start_is_found_be_it_given_or_trained_here(
    trained: Any, tmp_path: Path, method: str
) -> None:
    """A stage's record has no more of its start than a fingerprint."""
    base = training_run(trained.recipe, trained.made, "base")
    position = base.plan.position(base.plan.steps)
    state = State("base", trained.recipe.seed, base.plan.steps, 0, 1e-3, position)
    data = json.dumps({"version": 1} | asdict(state)).encode()
    (tmp_path / "state.json").write_bytes(data)
    (tmp_path / "digests.json").write_text("{}")
    job = job_of(trained, "annealed", tmp_path, inherit={"data": "keep"})
    expected = job.plan(base.shards.opened)
    annealed = trained.made["annealed"]
    store = ArtifactStore(annealed.storage)

    def build(fingerprint_: str) -> Any:
        return [
            write_output(store.storage, f"parts/{method}/{fingerprint_}", "state.json", data)
        ], {}

    start = store.make(method, 1, None, {"files": {"state.json": method}}, build)
    counted = expected.delivered()
    fed = pl.DataFrame({"domain": list(counted), "tokens": list(counted.values())})
    part = write_output(store.storage, f"parts/checkpoint/from-{method}", "mixture", fed)
    others = (each for each in annealed.manifest.parts if each.table != "mixture")
    record = changed(
        annealed,
        section=annealed.manifest.section | {"stage": job.stage.model_dump(mode="json")},
        upstream=annealed.manifest.upstream | {"start": start.fingerprint},
        parts=(*others, part),
    )
    told = training_run(trained.recipe, trained.made | {"annealed": record}, "annealed").plan
    for step in range(told.steps):
        assert told.documents_of_step(step).equals(expected.documents_of_step(step))


def stages_with(recipe: Any, **annealed: Any) -> dict[str, Any]:
    stages = recipe.model_dump(mode="json", exclude_unset=True)["stages"]
    return stages | {"annealed": stages["annealed"] | annealed}
