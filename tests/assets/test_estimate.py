"""What making an artifact will take, from what it took."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assets.declaration import Declaration
from assets.estimate import RATES, Estimates, checkpoint_bytes, parameters, training_amount
from midtrain_dagster.core import making
from midtrain_dagster.core.artifacts import ArtifactStore
from midtrain_dagster.core.making import record_making
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.training.stage import Stage


def declared(name: str, **known: Any) -> Declaration:
    return Declaration(
        recipe=None,  # type: ignore[arg-type]
        name=name,
        method="signals",
        versions={},
        section=None,
        inputs={},
        external=None,
        by_benchmark=False,
        judged=False,
        **known,
    )


def made(store: ArtifactStore, asset: str, seconds: float, amount: float) -> None:
    def build(fingerprint: str) -> Any:
        folder = f"parts/{fingerprint}"
        return [write_output(store.storage, folder, "bytes", b"0123456789")], {}

    artifact = store.make("signals", {}, [asset, seconds], {}, build)
    record_making(asset, artifact, seconds, amount)


def test_cost_without_a_record_is_by_a_rate_measured_elsewhere(store: ArtifactStore) -> None:
    cost = Estimates(store.storage).cost(declared("signals"), 100e6)
    rate = RATES["signals"]
    assert cost.seconds == pytest.approx(rate.first + 100e6 * rate.each)
    assert cost.bytes == pytest.approx(100e6 * rate.bytes)
    assert not cost.recorded


def test_cost_grows_with_the_amount_from_the_record_that_is_nearest(store: ArtifactStore) -> None:
    made(store, "signals", 2.0, 100)
    made(store, "signals", 30.0, 10_000)
    made(store, "synthesis/qa/signals", 99.0, 5_000)
    cost = Estimates(store.storage).cost(declared("signals"), 5_000)
    assert cost == (15.0, 5.0, True)
    assert Estimates(store.storage).cost(declared("other/signals"), 5_000).seconds == 99.0


def test_an_amount_that_nobody_knows_is_recorded_as_none(store: ArtifactStore) -> None:
    """As that of a model whose tokenizer is given: its training ends with this record."""
    made(store, "signals", 2.0, math.nan)
    (record,) = making.makings(store.storage, "signals")
    assert (record.amount, record.seconds) == (0, 2.0)
    for amount in (math.nan, 1_000.0):
        assert Estimates(store.storage).cost(declared("signals"), amount) == (2.0, 10.0, True)


def test_records_of_this_machine_come_before_those_of_another(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(store, "signals", 2.0, 100)
    monkeypatch.setattr(making, "this_machine", lambda: "another")
    made(store, "signals", 50.0, 1_000)
    monkeypatch.undo()
    assert Estimates(store.storage).cost(declared("signals"), 1_000).seconds == 20.0


def test_parameters_are_about_those_of_the_model(tiny: Path, tmp_path: Path) -> None:
    """Against the models themselves: norms are left out, hence *about*."""
    from midtrain_dagster.models.new import new_model

    recipe = load_recipe(tiny)
    assert recipe.base.model is not None
    model = new_model(recipe.base.model, vocabulary=512, sequence_length=64, seed=0)
    assert parameters(recipe) == pytest.approx(model.num_parameters(), rel=0.01)
    assert checkpoint_bytes(recipe) == 12 * parameters(recipe)
    (base, *_) = recipe.runs()
    assert training_amount(recipe, base) == 6 * parameters(recipe) * 16 * 1024
    model.config.save_pretrained(tmp_path)
    given = recipe.base.model_copy(update={"checkpoint": str(tmp_path), "model": None})
    assert parameters(recipe.model_copy(update={"base": given})) == parameters(recipe)
    unknown = given.model_copy(update={"checkpoint": "hub/id"})
    assert math.isnan(parameters(recipe.model_copy(update={"base": unknown})))


def test_a_search_of_factors_is_counted_into_its_stage(tiny: Path) -> None:
    recipe = load_recipe(tiny)
    stage = next(run for run in recipe.runs() if run.name == "extended")
    # Six at first and twice five new ones, over three documents of 256 tokens, forwards alone.
    search = {"population": 6, "parents": 4, "iterations": 2, "mutations": 3, "crossovers": 2}
    rope = {"method": "longrope", "original_length": 64, "search": search | {"documents": 3}}
    fields = stage.stage.model_dump(mode="json", by_alias=True) | {"rope": rope}
    searching = replace(stage, stage=Stage.model_validate(fields))
    more = training_amount(recipe, searching) - training_amount(recipe, stage)
    assert more == pytest.approx(2 * parameters(recipe) * 16 * 3 * 256)
