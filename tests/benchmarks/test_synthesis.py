"""What the benchmark of synthesis compares is one base with and without each family."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmarks.synthesis import FILE, WITHOUT, Unsuitable, effect, families, variant
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe(RECIPES / "synthesis.yaml")


def changed(recipe: Recipe, folder: Path, old: str, new: str) -> Recipe:
    text = recipe.text.replace("../data", str(RECIPES.parent / "data"))
    assert old in text
    path = folder / "synthesis.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return load_recipe(path)


def test_a_family_has_the_share_of_every_natural_domain_alike(
    recipe: Recipe, tmp_path: Path
) -> None:
    document = variant(recipe, [1, 2, 3], 0.2)
    text = recipe.text.replace("../data", str(RECIPES.parent / "data"))
    (tmp_path / "synthesis.yaml").write_text(text, encoding="utf-8")
    (tmp_path / FILE).write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    made = load_recipe(tmp_path / FILE)
    known = families(recipe)
    assert list(made.stages) == ["base", WITHOUT, *known]
    assert [run.name for run in made.runs() if run.stage_name == WITHOUT] == [
        WITHOUT,
        f"{WITHOUT}/seed_2",
        f"{WITHOUT}/seed_3",
    ]
    without = document["stages"][WITHOUT]["mixture"]["domains"]
    assert sum(without.values()) == pytest.approx(1)
    for name, family in known.items():
        stage = document["stages"][name]
        assert stage["start"] == "base" and "control" not in stage
        shares = stage["mixture"]["domains"]
        assert sum(shares[domain] for domain in family.domains) == pytest.approx(0.2)
        assert {each: shares[each] / 0.8 for each in without} == pytest.approx(without)


def test_a_domain_of_two_families_or_of_sources_tells_nothing(
    recipe: Recipe, tmp_path: Path
) -> None:
    mixed = changed(
        recipe, tmp_path, "question_answer, domain: distilled", "question_answer, domain: web"
    )
    with pytest.raises(Unsuitable, match=r"synthesis\.question_answer\.domain: 'web' is fed by"):
        families(mixed)


def test_shares_that_change_are_not_compared(recipe: Recipe, tmp_path: Path) -> None:
    moving = changed(
        recipe, tmp_path, "{web: 0.3, wikipedia: 0.3", "{web: 0.3 -> 0.2, wikipedia: rest"
    )
    with pytest.raises(Unsuitable, match=r"stages\.annealed\.mixture\.domains"):
        variant(moving, [1, 2], 0.2)


def test_an_effect_shows_where_its_interval_leaves_out_zero() -> None:
    # Student's t of two groups of three, as R's t.test(var.equal = TRUE) has it: -0.5 +- 0.22669.
    with_it, without = np.array([1.9, 2.0, 2.1]), np.array([2.4, 2.5, 2.6])
    found = effect(with_it, without)
    assert found.mean == pytest.approx(-0.5)
    assert found.deviation == pytest.approx(np.sqrt(0.02))
    assert found.half == pytest.approx(0.2267, abs=1e-4)
    assert found.shows == "better"
    assert effect(without, with_it).shows == "worse"
    assert effect(with_it, with_it + 0.2).shows == "nothing"
