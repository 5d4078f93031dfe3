"""What the benchmark of mixture search compares is one base on mixtures of the same tokens."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from benchmarks.mixture_search import (
    FILE,
    HAND_MADE,
    PRIOR,
    PROPOSED,
    Unsuitable,
    domains,
    hand_made,
    objective,
    said,
    variant,
)
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe

RECIPES = Path(__file__).parents[2] / "recipes"
SHARES = {"code": 0.1, "documentation": 0.3, "mathematics": 0.1, "web": 0.2, "wikipedia": 0.3}


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe(RECIPES / "demo.yaml")


def test_all_mixtures_anneal_the_same_base_for_the_same_tokens(
    recipe: Recipe, tmp_path: Path
) -> None:
    document = variant(recipe, SHARES, [1, 2, 3], 12, "log_linear")
    text = recipe.text.replace("../data", str(RECIPES.parent / "data"))
    (tmp_path / "demo.yaml").write_text(text, encoding="utf-8")
    (tmp_path / FILE).write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    made = load_recipe(tmp_path / FILE)
    assert list(made.stages) == ["base", PRIOR, *HAND_MADE, PROPOSED]
    annealed = [run for run in made.runs() if run.stage_name != "base"]
    assert len(annealed) == 5 * 3
    assert {(run.start, run.stage.tokens, run.role == "control") for run in annealed} == {
        ("base", 150_000, False)
    }
    search = made.mixture_search["search"]
    assert (search.proxy.start, search.proxy.tokens) == ("base", 36_864)
    assert set(search.domains) == set(SHARES)


def test_mixtures_by_hand_are_mixtures(recipe: Recipe) -> None:
    targets, general = domains(recipe)
    assert (targets, general) == (["code", "mathematics"], ["web", "wikipedia", "documentation"])
    made = hand_made(SHARES, targets)
    assert list(made) == list(HAND_MADE)
    for shares in made.values():
        assert sum(shares.values()) == pytest.approx(1)
    assert made["half_targets"] == pytest.approx(
        {
            "code": 0.25,
            "documentation": 0.1875,
            "mathematics": 0.25,
            "web": 0.125,
            "wikipedia": 0.1875,
        }
    )
    assert made["seventy_general"]["code"] == pytest.approx(0.07 + 0.15)


def test_recipe_without_targets_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    text = recipe.text.replace("../data", str(RECIPES.parent / "data"))
    path = tmp_path / "demo.yaml"
    path.write_text(text.replace("targets: [code, mathematics]", "targets: []"), encoding="utf-8")
    with pytest.raises(Unsuitable, match="name general and target domains"):
        domains(load_recipe(path))


def test_objective_weighs_targets_and_general_text_alike() -> None:
    rows = [("a", "code", 4.0), ("a", "maths", 2.0), ("a", "web", 1.0)]
    table = pl.DataFrame(rows, ["checkpoint", "domain", "loss"], orient="row")
    assert objective(table, ["a"], ["code", "maths"], ["web"]).tolist() == [2.0]


def test_proposal_that_does_not_win_says_so() -> None:
    same = np.array([1.0, 1.1, 0.9])
    assert "shows nothing: +0.0000" in said(same, same, "the prior")
    assert "is worse: +1.0000" in said(same + 1, same, "the prior")
    assert "is better: -1.0000" in said(same - 1, same, "the prior")
