from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from assets.checks import (
    checks_of_losses,
    checks_of_run,
    comparisons,
    evaluation_checks,
    training_checks,
)
from assets.leaks import REMOVED
from midtrain_dagster.core.artifacts import Artifact, ArtifactStore, Part
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.decontamination.leaks import LEAKS
from midtrain_dagster.evaluation.checks import Comparison
from midtrain_dagster.evaluation.clean_part import losses_without
from midtrain_dagster.evaluation.loss_by_position import BY_DOCUMENT, POSITIONS
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe


@pytest.fixture(scope="module")
def recipe(tiny: Path) -> Recipe:
    """The tiny recipe with a control of shorter windows, as the demo has, seeds and a soup."""
    fields = load_recipe(tiny).model_dump(mode="json", exclude_unset=True, by_alias=True)
    fields["stages"]["extended"]["control"] = {"sequence_length": 64, "rope": None}
    fields["stages"]["extended"]["seeds"] = [1, 2]
    fields["soups"] = {"soup": {"of": "extended"}}
    return Recipe.model_validate(fields)


def stored(store: ArtifactStore, **tables: pl.DataFrame) -> Artifact:
    """An artifact of these tables."""

    def build(fingerprint: str) -> tuple[list[Part], dict[str, int]]:
        folder = f"parts/checks/{fingerprint}"
        return [write_output(store.storage, folder, *each) for each in tables.items()], {}

    return store.make("checks", {}, sorted(tables), {}, build)


@pytest.fixture
def checkpoint(store: ArtifactStore) -> Artifact:
    """A run that learns, on a tenth of synthetic text."""
    mixture = pl.DataFrame({"domain": ["web", "qa"], "delivered": [0.9, 0.1]})
    return stored(store, log=pl.DataFrame({"loss": [3.0, 2.0]}), mixture=mixture)


@pytest.fixture
def measured(recipe: Recipe, store: ArtifactStore) -> Artifact:
    """Losses that are the same for every checkpoint, so that nothing is better than its control."""
    names, domains = recipe.checkpoints(), sorted(recipe.view.natural)
    losses = [{"checkpoint": n, "domain": d, "loss": 3.0} for n in names for d in domains]
    buckets = pl.DataFrame(
        {"position": [0, 64], "tokens": [126, 128], "loss": [2.0, 2.0], "stderr": [0.1, 0.1]},
        schema=POSITIONS,
    )
    positions = pl.DataFrame({"checkpoint": names}).join(buckets, how="cross")
    return stored(store, losses=pl.DataFrame(losses), positions=positions)


def test_comparisons_are_the_stages_after_the_base_with_what_their_controls_change(
    recipe: Recipe,
) -> None:
    assert comparisons(recipe) == [
        Comparison("annealed", "annealed/control", other_mixture=True),
        Comparison("extended", "extended/control", shorter=64),
    ]


def test_training_checks_are_on_every_run_under_names_of_their_own(recipe: Recipe) -> None:
    found = {
        (key.asset_key.to_user_string(), key.name)
        for each in training_checks(recipe)
        for key in each.check_keys
    }
    runs = ["base", "annealed", "annealed/control", "extended", "extended/seed_2"]
    assert found == {
        (f"tiny/checkpoint/{run}", f"{run.replace('/', '_')}_{what}")
        for run in [*runs, "extended/control"]
        for what in ("loss_falls", "natural_floor")
    }


@pytest.fixture
def leaks(store: ArtifactStore) -> Artifact:
    """No held-out document was trained on."""
    return stored(store, leaks=LEAKS.to_frame(), removed=REMOVED.to_frame())


def results(definition: dg.AssetChecksDefinition, *artifacts: Artifact) -> dict[str, Any]:
    given: Any = definition(*artifacts)
    return {result.check_name: result for result in given}


def test_training_checks_say_what_they_measured_and_stop_nothing(
    recipe: Recipe, checkpoint: Artifact
) -> None:
    run = next(run for run in recipe.runs() if run.name == "annealed/control")
    expected = checks_of_run(recipe, run, checkpoint)
    definition = training_checks(recipe)[recipe.runs().index(run)]
    found = results(definition, checkpoint)
    assert [check.detail for check in expected] == [each.description for each in found.values()]
    assert found["annealed_control_natural_floor"].description.startswith("90.0% of the tokens")
    assert all(each.passed for each in found.values())
    assert {each.severity for each in found.values()} == {dg.AssetCheckSeverity.WARN}


def test_evaluation_checks_are_of_stages_and_soups(
    recipe: Recipe, measured: Artifact, leaks: Artifact
) -> None:
    (definition,) = evaluation_checks(recipe)
    found = results(definition, measured, leaks)
    assert {name: each.passed for name, each in found.items()} == {
        "annealed_general_loss": True,
        "annealed_targets": False,
        "extended_general_loss": True,
        "extended_length": False,
        "soup_beats_ingredients": False,
    }
    assert {key.name for key in definition.check_keys} == found.keys()
    assert [check.name for check in checks_of_losses(recipe, measured)] == list(found)


def test_what_was_trained_on_has_no_part_in_a_check(recipe: Recipe, store: ArtifactStore) -> None:
    """A target falls on a leak alone, and on the clean part it rises."""
    rows = [
        {"checkpoint": name, "domain": domain, "id": identity, "tokens": 10, "nats": nats}
        for name in recipe.checkpoints()
        for domain in sorted(recipe.view.natural)
        for identity, nats in (("leak", 30.0 if name == "base" else 1.0), ("clean", 30.0))
    ]
    by_document = pl.DataFrame(rows)
    measured = stored(
        store,
        losses=losses_without(by_document, []),
        positions=POSITIONS.to_frame().select(pl.lit("base").alias("checkpoint"), pl.all()),
        losses_by_document=by_document,
        positions_by_document=BY_DOCUMENT.to_frame().with_columns(checkpoint=pl.lit("base")),
    )
    whole, clean = (
        {check.name: check.detail for check in checks_of_losses(recipe, measured, leaked)}
        for leaked in ([], ["leak"])
    )
    assert whole.keys() == clean.keys()
    assert whole["annealed_targets"] != clean["annealed_targets"]


def test_evaluation_checks_are_none_where_there_is_only_a_base(recipe: Recipe) -> None:
    fields = recipe.model_dump(mode="json", exclude_unset=True, by_alias=True) | {"soups": {}}
    fields["stages"] = {"base": fields["stages"]["base"]}
    assert evaluation_checks(Recipe.model_validate(fields)) == []
