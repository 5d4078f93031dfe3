"""Which milestones are asked, and what that makes of an evaluation's causes. What they are asked
stands in test_evaluation.py."""

from pathlib import Path
from typing import Any

from assets.milestone_scores import as_cause, asked_milestones, points_table
from midtrain_dagster.evaluation.learning_curves import POINTS
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe


def changed(tiny: Path, *, asked: bool, **checkpoints: Any) -> Recipe:
    fields = load_recipe(tiny).model_dump(mode="json", exclude_unset=True, by_alias=True)
    fields["evaluation"]["milestones"] = asked
    fields["stages"]["annealed"]["checkpoints"] = checkpoints
    return Recipe.model_validate(fields)


def test_milestones_are_asked_of_every_run_of_a_stage_and_are_a_cause(tiny: Path) -> None:
    recipe = changed(tiny, asked=True, milestones="3k")
    names = [each.name for each in asked_milestones(recipe)]
    assert names == ["annealed@3", "annealed@6", "annealed/control@3", "annealed/control@6"]
    assert as_cause(recipe) == {"milestones": names}
    points = points_table(recipe)
    assert points.schema == POINTS
    assert set(names) <= set(points["checkpoint"])
    assert set(points["checkpoint"]) <= {*names, *recipe.checkpoints()}


def test_milestones_that_nobody_asks_change_nothing(tiny: Path) -> None:
    recipe = changed(tiny, asked=False, milestones="3k")
    assert asked_milestones(recipe) == []
    assert as_cause(recipe) == {}
