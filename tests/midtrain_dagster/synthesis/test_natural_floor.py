"""The floor of natural text holds over the domains of all methods together."""

from pathlib import Path

import polars as pl
import pytest

from midtrain_dagster.evaluation.checks import run_checks
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.synthesis.assembly import Assembly

RECIPES = Path(__file__).parents[3] / "recipes"
LOG = pl.DataFrame({"loss": [2.0, 1.0]})


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe(RECIPES / "synthesis.yaml")


def test_synthetic_is_what_any_method_writes_that_asks_a_model(recipe: Recipe) -> None:
    written = {m.domain for m in recipe.synthesis.values() if not isinstance(m, Assembly)}
    joined = {m.domain for m in recipe.synthesis.values() if isinstance(m, Assembly)}
    assert recipe.view.generated == written
    assert written and joined
    assert not written & (joined | recipe.view.natural)


@pytest.mark.parametrize(("share", "passed"), [(0.09, True), (0.11, False)])
def test_families_that_are_each_small_are_too_much_together(share: float, passed: bool) -> None:
    domains = {"distilled": share, "extracted": share, "evolved": share, "web": 1 - 3 * share}
    mixture = pl.DataFrame({"domain": list(domains), "delivered": list(domains.values())})
    synthetic = {"distilled", "extracted", "evolved"}
    *_, floor = run_checks("annealed", LOG, mixture, synthetic=synthetic, natural_floor=0.7)
    assert (floor.name, floor.passed) == ("annealed_natural_floor", passed)
    assert floor.detail.startswith(f"{1 - 3 * share:.1%} of the tokens")
