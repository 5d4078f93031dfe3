from pathlib import Path
from typing import Any

import pytest

from assets.evaluation import shortest_window
from midtrain_dagster.core.artifacts import Artifact, ArtifactStore
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.evaluation.report_section import scores
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from resources.artifacts import load_materialized

CHECKPOINTS = ["base", "annealed", "annealed/control", "extended"]


@pytest.fixture(scope="module")
def recipe(tiny: Path) -> Recipe:
    return load_recipe(tiny)


@pytest.fixture
def made(whole_run: Any) -> Any:
    store = ArtifactStore(Storage(root=str(whole_run[0].root)))

    def of(name: str, key: str | None = None) -> Artifact:
        return load_materialized(store, ["tiny", name], key)

    return of


def test_evaluation_compares_all_checkpoints_in_the_shortest_window(recipe: Recipe) -> None:
    assert recipe.checkpoints() == CHECKPOINTS
    assert shortest_window(recipe) == 64


def test_held_out_losses_are_of_every_checkpoint_on_every_natural_domain(
    recipe: Recipe, made: Any
) -> None:
    losses = made("held_out_losses").read("losses")
    found = set(losses.select("checkpoint", "domain").iter_rows())
    assert "qa" in recipe.view.domains - recipe.view.natural
    assert found == {(name, domain) for name in CHECKPOINTS for domain in recipe.view.natural}
    assert losses["loss"].is_finite().all()


def test_evaluation_scores_say_whose_they_are(recipe: Recipe, made: Any) -> None:
    artifact = made("evaluation", "hellaswag")
    table = scores([artifact])
    assert table["checkpoint"].unique(maintain_order=True).to_list() == CHECKPOINTS
    assert set(table["benchmark"]) == {"hellaswag"}
    method = recipe.benchmarks["hellaswag"].evaluate
    assert method is not None and method.limit is not None
    assert table["items"].max() <= method.limit
    assert table["value"].is_between(0, 1).all()
    section = artifact.manifest.section["hellaswag"]
    assert section["versions"] == {"multiple_choice": 1}
    assert section["cleaning"] == "hellaswag"


def test_evaluation_of_a_benchmark_that_only_decontaminates_is_empty(made: Any) -> None:
    artifact = made("evaluation", "human_eval")
    assert artifact.manifest.parts == ()
    assert scores([artifact]).is_empty()
