"""A stage that has not passed its gate is not gone on from, and the run says in a line why."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import yaml

from assets.declaration import declarations
from assets.length_gates import GATES, checks_of_gate, length_checks, refuse_failed_gate
from definitions import recipe_assets
from midtrain_dagster.core.artifacts import Artifact, ArtifactStore, Part
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import RecipeError, load_recipe

SCHEDULE: list[dict[str, Any]] = [{"phase": "constant"}]
STAGE: dict[str, Any] = {
    "tokens": "4k",
    "batch_tokens": 1024,
    "schedule": SCHEDULE,
    "mixture": {"domains": {"code": 1}, "max_epochs": 50},
}
WIDE: dict[str, Any] = {"general_loss": 5.0, "needles": {"rank_accuracy": 0.001}}
NARROW: dict[str, Any] = {"general_loss": 5.0, "needles": {"rank_accuracy": 1.0}}


@pytest.fixture
def write(tmp_path: Path, tiny: Path) -> Any:
    """Writes the minimal recipe with a stage of longer windows, its gates, and one after it."""

    def written(checks: dict[str, Any] | None, *, tokens: str = "4k", **fields: Any) -> Path:
        recipe = yaml.safe_load((tiny.parent / "minimal.yaml").read_text())
        recipe["held_out"] = 0.2
        recipe["stages"]["base"]["mixture"] |= {"max_epochs": 50}
        extended = STAGE | {"start": "base", "sequence_length": 128, "rope": {"method": "none"}}
        if checks is not None:
            extended["checks"] = checks
        later = STAGE | {"start": "extended", "sequence_length": 128, "tokens": tokens}
        recipe["stages"] |= {"extended": extended, "later": later}
        recipe["long_context"] = {
            "tasks": {"one": {"task": "needle", "digits": 2}, "walk": {"task": "graph_walk"}},
            "lengths": [96, 128],
            "depths": [0, 1],
            "items": 4,
            "distractors": 3,
        }
        path = tmp_path / "gated.yaml"
        path.write_text(yaml.safe_dump(recipe | fields, sort_keys=False))
        return path

    return written


def gate(store: ArtifactStore, *rows: tuple[str, bool, str]) -> Artifact:
    """An artifact as the asset makes it."""

    def build(fingerprint: str) -> tuple[list[Part], dict[str, int]]:
        table = pl.DataFrame(rows, schema=GATES, orient="row")
        return [write_output(store.storage, f"parts/gate/{fingerprint}", "gates", table)], {}

    return store.make("gate", {}, rows, {}, build)


def refused(recipe: Recipe, artifact: Artifact) -> None:
    run = next(each for each in recipe.runs() if each.name == "later")
    build: Any = type("Given", (dict,), {"inputs": {"gate": artifact}})(gate=artifact)
    refuse_failed_gate(recipe, build, run)


def test_the_stage_after_it_waits_for_the_gate_and_is_made_of_none_of_it(write: Any) -> None:
    recipe = load_recipe(write(WIDE))
    declared = declarations(recipe_assets(recipe))
    assert declared["checkpoint/later"].inputs["gate"].asset == "gate/extended"
    assert declared["checkpoint/later"].inputs["gate"].cause is None
    assert "gate" not in declared["checkpoint/extended"].inputs
    ungated = declarations(recipe_assets(load_recipe(write(None))))
    assert "gate/extended" not in ungated
    for name in ("checkpoint/extended", "checkpoint/later"):
        assert declared[name].code_version == ungated[name].code_version
    other = declarations(recipe_assets(load_recipe(write(NARROW))))
    assert other["checkpoint/later"].code_version == declared["checkpoint/later"].code_version
    assert other["gate/extended"].code_version != declared["gate/extended"].code_version


def test_a_gate_that_failed_refuses_in_one_line(write: Any, store: ArtifactStore) -> None:
    recipe = load_recipe(write(WIDE))
    passed = gate(store, ("extended_gate_needles", True, "found"))
    refused(recipe, passed)
    failed = gate(store, ("extended_gate_needles", False, "lost"), ("other", True, "well"))
    with pytest.raises(dg.Failure) as error:
        refused(recipe, failed)
    assert error.value.description == (
        "later was not trained: extended, from which it starts, has not passed its gate: "
        "extended_gate_needles: lost. Train extended longer or otherwise, or change its `checks`"
    )
    assert [check.gate for check in checks_of_gate(failed)] == [True, True]


def test_a_rehearsal_is_too_small_to_pass(write: Any, store: ArtifactStore) -> None:
    recipe = load_recipe(write(WIDE, scale={"tokens": 2}))
    refused(recipe, gate(store, ("extended_gate_needles", False, "lost")))


def test_gates_are_checks_in_the_ui(write: Any) -> None:
    (checks,) = length_checks(load_recipe(write(WIDE)))
    names = {spec.name for spec in checks.check_specs}
    # No benchmark is asked, so there is no score.
    assert names == {"extended_gate_general_loss", "extended_gate_needles"}


def test_a_gate_at_a_length_that_is_not_asked_is_refused_with_its_field(write: Any) -> None:
    with pytest.raises(RecipeError, match=r"long_context\.lengths: .* window of 128 tokens"):
        load_recipe(write(WIDE, long_context={"tasks": {"one": "needle"}, "lengths": [96]}))


@pytest.mark.slow
def test_a_stage_goes_on_from_one_that_passed_and_from_none_that_failed(
    write: Any, command: Any, on_ray: Any
) -> None:
    passed = command.here("run", str(write(WIDE)))
    assert passed.code == 0, passed.output
    assert "2 of 2 gates of extended passed" in passed.output
    page = next((command.root / "reports").rglob("report.html")).read_text()
    assert "Effective length, tokens" in page
    assert "is found by rank in" in page
    failed = command.here("run", str(write(NARROW, tokens="5k")))
    assert failed.code == 1
    assert "later was not trained: extended, from which it starts, has not passed" in failed.output
    assert "extended_gate_needles: " in failed.output
    # The gate needed no more than was known, and nothing of the stage was begun.
    made = sorted(path.name for path in (command.root / "runs").iterdir())
    assert sum(name.startswith("later") for name in made) == 1
