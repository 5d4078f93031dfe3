from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.checks import check_descriptions, checkpoint_checks, loss_checks
from midtrain_dagster.core.artifacts import Artifact, ArtifactStore, Part
from midtrain_dagster.core.parts import write_output
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe


@pytest.fixture
def recipe(tiny: Path) -> Recipe:
    """The tiny recipe with a control of shorter windows, as the demo has."""
    fields = load_recipe(tiny).model_dump(mode="json", exclude_unset=True)
    fields["stages"]["extended"]["control"] = {"sequence_length": 64, "rope": None}
    return Recipe.model_validate(fields)


def checkpoint(store: ArtifactStore, losses: list[float], delivered: dict[str, float]) -> Artifact:
    log = pl.DataFrame({"loss": losses})
    mixture = pl.DataFrame({"domain": list(delivered), "delivered": list(delivered.values())})

    def build(fingerprint_: str) -> tuple[list[Part], dict[str, int]]:
        folder, storage = f"parts/checkpoint/{fingerprint_}", store.storage
        tables = {"log": log, "mixture": mixture}
        return [write_output(storage, folder, *each) for each in tables.items()], {}

    return store.make("checkpoint", 1, losses, delivered, build)


def of(recipe: Recipe, artifact: Artifact) -> dict[str, bool]:
    return {check.name: check.passed for check in checkpoint_checks(recipe, "base", artifact)}


def test_the_loss_falls_from_the_first_to_the_last_quarter(recipe, store) -> None:
    falls = checkpoint(store, [4, 4, 9, 9, 1, 1, 3, 3], {"web": 1.0})
    rises = checkpoint(store, [3, 3, 9, 9, 1, 1, 4, 4], {"web": 1.0})
    assert of(recipe, falls)["base_loss_falls"]
    assert not of(recipe, rises)["base_loss_falls"]
    one_step = checkpoint(store, [5], {"web": 1.0})
    assert not of(recipe, one_step)["base_loss_falls"]


@pytest.mark.parametrize(("synthetic", "kept"), [(0.29, True), (0.31, False)])
def test_natural_text_has_its_floor(recipe, store, synthetic: float, kept: bool) -> None:
    made = checkpoint(store, [2, 1], {"web": 1 - synthetic, "qa": synthetic})
    assert of(recipe, made)["base_natural_floor"] is kept


def measured(**losses: tuple[float, float, float]) -> pl.DataFrame:
    """Held-out losses of each checkpoint on web, wikipedia and mathematics."""
    return pl.DataFrame(
        [
            {"checkpoint": name, "domain": domain, "loss": loss}
            for name, each in losses.items()
            for domain, loss in zip(("web", "wikipedia", "mathematics"), each, strict=True)
        ]
    )


def positions(**losses: tuple[float, float]) -> pl.DataFrame:
    """Loss below and beyond position 64."""
    rows = [
        {"checkpoint": name, "position": position, "loss": loss}
        for name, each in losses.items()
        for position, loss in zip((0, 64), each, strict=True)
    ]
    return pl.DataFrame(rows)


GOOD: dict[str, Any] = {
    "base": (3.0, 3.0, 5.0),
    "annealed": (3.02, 3.02, 4.0),
    "annealed_control": (2.9, 2.9, 4.9),
    "extended": (3.04, 3.04, 3.9),
    "extended_control": (3.0, 3.0, 3.9),
}


def kept(recipe: Recipe, places: pl.DataFrame | None = None, **losses: Any) -> set[str]:
    if places is None:
        places = positions(extended=(3.0, 2.0), extended_control=(2.0, 3.0))
    checks = loss_checks(recipe, measured(**(GOOD | losses)), places)
    assert [check.name for check in checks] == list(check_descriptions(recipe))
    assert all(check.detail for check in checks)
    return {check.name for check in checks if check.passed}


def test_what_is_promised_is_known_before_anything_is_measured(recipe: Recipe) -> None:
    assert list(check_descriptions(recipe)) == [
        "annealed_general_loss",
        "annealed_targets",
        "extended_general_loss",
        "extended_length",
    ]


def test_all_is_kept(recipe: Recipe) -> None:
    assert kept(recipe) == set(check_descriptions(recipe))


def test_general_loss_stays_within_its_bound_of_the_base(recipe: Recipe) -> None:
    """The bound is on the mean: one domain may lose what another gains."""
    assert recipe.checks.general_loss_bound == 0.05
    lost = set(check_descriptions(recipe)) - kept(recipe, annealed=(3.2, 3.0, 4.0))
    assert lost == {"annealed_general_loss"}
    assert "annealed_general_loss" in kept(recipe, annealed=(3.2, 2.85, 4.0))


def test_targets_are_better_than_the_controls(recipe: Recipe) -> None:
    lost = set(check_descriptions(recipe)) - kept(recipe, annealed=(3.0, 3.0, 4.9))
    assert lost == {"annealed_targets"}


def test_long_windows_are_better_beyond_the_short_ones(recipe: Recipe) -> None:
    places = positions(extended=(1.0, 3.0), extended_control=(3.0, 2.9))
    assert set(check_descriptions(recipe)) - kept(recipe, places) == {"extended_length"}


@pytest.mark.parametrize(
    ("of", "soup", "holds", "best"),
    [
        (["annealed", "annealed_control"], 3.9, True, "(annealed) 4.000"),
        (["annealed", "annealed_control"], 4.0, False, "(annealed) 4.000"),
        ({"annealed": 2, "extended": 1}, 3.95, False, "(extended) 3.900"),
    ],
)
def test_a_soup_is_better_than_its_best_ingredient_or_says_so(
    recipe: Recipe, of: Any, soup: float, holds: bool, best: str
) -> None:
    fields = recipe.model_dump(mode="json", exclude_unset=True) | {"soups": {"soup": {"of": of}}}
    recipe = Recipe.model_validate(fields)
    places = positions(extended=(3.0, 2.0), extended_control=(2.0, 3.0))
    losses = measured(**GOOD, soup=(3.0, 3.0, soup))
    (check,) = (c for c in loss_checks(recipe, losses, places) if "beats" in c.name)
    assert list(check_descriptions(recipe))[-1] == check.name == "soup_beats_ingredients"
    assert check.passed is holds
    told = f"mean loss on mathematics is {soup:.3f}, its best ingredient's {best}"
    assert check.detail == told


def test_a_domain_that_was_not_measured_is_an_error(recipe: Recipe) -> None:
    losses = measured(**GOOD).filter(pl.col("domain") != "wikipedia")
    with pytest.raises(KeyError, match="wikipedia"):
        loss_checks(recipe, losses, positions(extended=(1, 1), extended_control=(1, 1)))
