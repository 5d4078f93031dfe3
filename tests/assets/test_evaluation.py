from pathlib import Path
from typing import Any

import pytest

from assets.evaluation import evaluated, scores, shortest_window
from midtrain_dagster.core.artifacts import Artifact, ArtifactStore
from midtrain_dagster.core.storage import Storage
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from resources.artifacts import load_materialized

CHECKPOINTS = ["base", "annealed", "annealed_control", "extended"]


@pytest.fixture
def recipe(tiny: Path) -> Recipe:
    return load_recipe(tiny)


@pytest.fixture
def made(whole_run: Any) -> Any:
    store = ArtifactStore(Storage(root=str(whole_run[0].root)))

    def of(name: str, key: str | None = None) -> Artifact:
        return load_materialized(store, ["tiny", name], key)

    return of


def test_every_stage_and_control_is_evaluated_in_one_window(recipe: Recipe) -> None:
    assert evaluated(recipe) == CHECKPOINTS
    assert shortest_window(recipe) == 64


def test_every_checkpoint_has_a_loss_on_every_natural_domain(recipe: Recipe, made: Any) -> None:
    losses = made("held_out_losses").read("losses")
    found = set(losses.select("checkpoint", "domain").iter_rows())
    natural = {source.domain for source in recipe.sources.values()}
    assert "qa" in recipe.domains - natural
    assert found == {(name, domain) for name in CHECKPOINTS for domain in natural}
    assert losses["loss"].is_finite().all()


def test_scores_say_whose_they_are(recipe: Recipe, made: Any) -> None:
    table = scores(made("evaluation", "hellaswag"))
    assert table["checkpoint"].unique(maintain_order=True).to_list() == CHECKPOINTS
    assert set(table["benchmark"]) == {"hellaswag"}
    assert table["items"].max() <= recipe.benchmarks["hellaswag"].limit
    assert table["value"].is_between(0, 1).all()


def test_a_benchmark_that_only_decontaminates_has_no_scores(made: Any) -> None:
    artifact = made("evaluation", "human_eval")
    assert artifact.manifest.parts == ()
    table = scores(artifact)
    assert table.is_empty()
    assert table.columns == scores(made("evaluation", "hellaswag")).columns
