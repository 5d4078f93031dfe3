"""What holds between the sections of a recipe, and what does not depend on how it is written."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.core.causes import cause
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("path", sorted(REPOSITORY.glob("recipes/*.yaml")), ids=lambda p: p.stem)
def test_every_recipe_of_the_repository_loads(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.name == path.stem.replace("-", "_")
    assert recipe.description
    assert list(recipe.runs())


def reordered(draw: Any, value: Any, at: tuple[str, ...] = ()) -> Any:
    """The same document with the keys of every mapping in another order.

    The stages keep theirs: a stage may only continue one that stands before it.
    """
    if isinstance(value, dict):
        keys = list(value) if at == ("stages",) else draw(st.permutations(list(value)))
        return {key: reordered(draw, value[key], (*at, str(key))) for key in keys}
    if isinstance(value, list):
        return [reordered(draw, item, at) for item in value]
    return value


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_the_order_of_keys_is_no_cause(tiny: Path, tmp_path: Path, data: st.DataObject) -> None:
    fields = reordered(data.draw, yaml.safe_load(tiny.read_text()))
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(fields, sort_keys=False))
    first, second = (of_content(load_recipe(each)) for each in (tiny, path))
    assert first == second
    assert cause(first) == cause(second)


def of_content(recipe: Recipe) -> dict[str, Any]:
    return recipe.model_dump(mode="json", exclude={"text", "folder"})


def test_every_stage_runs_and_its_control_beside_it(tiny: Path) -> None:
    recipe = load_recipe(tiny)
    assert [(name, start) for name, _, start in recipe.runs()] == [
        ("base", "random"),
        ("annealed", "base"),
        ("annealed_control", "base"),
        ("extended", "annealed"),
    ]


def test_a_control_differs_in_its_fields_and_in_nothing_else(tiny: Path) -> None:
    recipe = load_recipe(tiny)
    stage, control = recipe.stage("annealed"), recipe.control("annealed")
    assert control is not None
    assert set(control.mixture.domains) == {"web", "wikipedia"}
    left_out = {"mixture", "control"}
    assert control.model_dump(exclude=left_out) == stage.model_dump(exclude=left_out)
    assert recipe.control("extended") is None


def test_domains_are_those_of_sources_and_of_synthesis(tiny: Path) -> None:
    recipe = load_recipe(tiny)
    assert recipe.domains == {"web", "wikipedia", "mathematics", "qa"}


def test_paths_start_at_the_recipe_and_addresses_stay(tiny: Path) -> None:
    recipe = load_recipe(tiny)
    assert Path(recipe.path(recipe.language_model)).is_file()
    assert recipe.path("/absolute/file") == "/absolute/file"
    assert recipe.path("s3://bucket/file") == "s3://bucket/file"


def test_stages_are_taken_at_the_recipes_scale(tiny: Path) -> None:
    fields = load_recipe(tiny).model_dump(mode="json", exclude_unset=True)
    recipe = Recipe.model_validate(fields | {"scale": {"tokens": 2, "minimum_steps": 1}})
    assert recipe.stages["base"].tokens == 16_000
    assert recipe.stage("base").tokens == 8_000
    control = recipe.control("annealed")
    assert control is not None
    assert control.tokens == recipe.stage("annealed").tokens == 4_000


def test_with_a_given_base_stages_start_from_it(tiny: Path) -> None:
    fields = load_recipe(tiny).model_dump(mode="json", exclude_unset=True)
    del fields["stages"]["base"]
    for stage in fields["stages"].values():
        stage["inherit"] = {"moments": {"reset": "none are given"}, "rate": {"reset": "unknown"}}
        stage["schedule"] = [{"phase": "constant", "rate": 1e-4}]
    recipe = Recipe.model_validate(fields | {"base": {"checkpoint": "somewhere"}})
    assert next(recipe.runs())[2] == "base"
    fields["stages"]["base"] = fields["stages"]["annealed"]
    with pytest.raises(ValueError, match=r"stages.base: this name is taken"):
        Recipe.model_validate(fields | {"base": {"checkpoint": "somewhere"}})


def with_soups(tiny: Path, soups: dict[str, Any], **annealed: Any) -> Recipe:
    """The tiny recipe with soups, its stage ``annealed`` changed."""
    fields = load_recipe(tiny).model_dump(mode="json", exclude_unset=True)
    fields["stages"]["annealed"] |= annealed
    return Recipe.model_validate(fields | {"soups": soups})


def test_a_stage_of_several_seeds_is_as_many_runs_and_one_control(tiny: Path) -> None:
    recipe = with_soups(tiny, {"soup": {"of": "annealed"}}, seeds=[7, 42069, 666])
    runs = {name: stage for name, stage, _ in recipe.runs()}
    assert [name for name in runs if name.startswith("annealed")] == [
        "annealed",
        "annealed_seed_42069",
        "annealed_seed_666",
        "annealed_control",
    ]
    seeds = [runs[name].seed for name in runs if name.startswith("annealed")]
    assert seeds == [7, 42069, 666, 7]
    apart = {"seed", "seeds", "inherit"}
    first, other = (
        runs[name].model_dump(exclude=apart) for name in ("annealed", "annealed_seed_666")
    )
    assert first == other
    assert recipe.ingredients("soup") == dict.fromkeys(list(runs)[1:4], 1 / 3)


def test_a_soup_comes_after_its_last_ingredient(tiny: Path) -> None:
    soups = {
        "late": {"of": ["base", "extended"]},
        "soup": {"of": "annealed"},
        "control_too": {"of": {"annealed": 2, "annealed_control": 1}},
    }
    order = with_soups(tiny, soups, seeds=[7, 8]).checkpoints()
    assert order == [
        *("base", "annealed", "annealed_seed_8", "annealed_control", "soup", "control_too"),
        *("extended", "late"),
    ]


@pytest.mark.parametrize(
    ("soups", "annealed", "where", "told"),
    [
        ({"soup": {"of": "annealed"}}, {}, "soups.soup.of", "give the stage 'seeds'"),
        ({"soup": {"of": ["base", "other"]}}, {}, "soups.soup.of", "'other' is no checkpoint"),
        (
            {"soup": {"of": "annealed", "last": 4}},
            {"checkpoints": {"milestones": "4k"}},
            "soups.soup.last",
            "keeps 2 checkpoints",
        ),
        ({"report": {"of": ["base", "annealed"]}}, {}, "soups.report", "this name is taken"),
        ({"extended": {"of": ["base", "annealed"]}}, {}, "soups.extended", "this name is taken"),
        (
            {"soup": {"of": ["base", "extended"]}},
            {"start": "soup"},
            "stages.annealed.start",
            "the soup 'soup' comes after this stage",
        ),
    ],
)
def test_a_soup_that_cannot_be_made_is_told(
    tiny: Path, soups: Any, annealed: Any, where: str, told: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        with_soups(tiny, soups, **annealed)
    assert f"{where}: " in str(raised.value)
    assert told in str(raised.value)


def test_a_stage_may_go_on_from_a_soup(tiny: Path) -> None:
    fields = with_soups(tiny, {"soup": {"of": "annealed"}}, seeds=[7, 8]).model_dump(
        mode="json", exclude_unset=True
    )
    fields["stages"]["extended"] |= {
        "start": "soup",
        "schedule": [{"phase": "constant", "rate": 1e-3}],
        "inherit": {"moments": {"reset": "a soup has none"}, "rate": {"reset": "nor a rate"}},
    }
    recipe = Recipe.model_validate(fields)
    assert recipe.checkpoints()[-2:] == ["soup", "extended"]
    assert next(start for name, _, start in recipe.runs() if name == "extended") == "soup"


RESETS = {"moments": {"reset": "a soup has none"}, "rate": {"reset": "nor a rate"}}


def from_a_soup(tiny: Path, of: Any = "annealed", **extended: Any) -> Recipe:
    """The tiny recipe, its last stage started from a soup: by default of the seeds 7 and 8."""
    fields = with_soups(tiny, {}, seeds=[7, 8]).model_dump(mode="json", exclude_unset=True)
    fields["stages"]["annealed"]["control"] |= {"seeds": None, "seed": 9}
    fields["stages"]["annealed"]["control"] |= {"inherit": {"rng": {"reset": "another one"}}}
    schedule = [{"phase": "constant", "rate": 1e-3}]
    begun = {"start": "soup", "schedule": schedule, "inherit": RESETS}
    fields["stages"]["extended"] |= begun | extended
    return Recipe.model_validate(fields | {"soups": {"soup": {"of": of}}})


OTHER = ["annealed", "annealed_control"]
KEPT = {"moments": RESETS["moments"]}
NEW_SEED = {"rng": {"reset": "a soup of two"}}


@pytest.mark.parametrize(
    ("of", "extended", "where", "told"),
    [
        (
            "annealed",
            {"inherit": {}, "schedule": [{"phase": "constant"}]},
            "extended",
            "'soup' is a soup and has no moments and no rate to keep: say inherit: "
            "{moments: {reset: WHY}, rate: {reset: WHY}}",
        ),
        (
            "annealed",
            {"inherit": KEPT, "schedule": [{"phase": "constant"}]},
            "extended",
            "has no rate to keep: say inherit: {rate: {reset: WHY}}",
        ),
        (
            "annealed",
            {"inherit": RESETS | {"data": "keep"}},
            "extended",
            "has no position in the data to keep: say inherit: {data: {reset: WHY}}",
        ),
        (
            "annealed",
            {"rope": None},
            "extended",
            "'soup' is a soup of 'annealed': sequence_length grows from 64 to 256",
        ),
        ("annealed", {"seed": 8}, "extended", "the seed changes from 7, that of 'soup', to 8"),
        (OTHER, {}, "extended", "a soup of 'annealed_control': the seed changes from 9"),
        (
            ["annealed_seed_8", "base"],
            {"rope": None},
            "extended",
            "'soup' is a soup of 'annealed_seed_8': sequence_length grows",
        ),
        (
            "annealed",
            {"control": {"inherit": KEPT, "schedule": [{"phase": "constant"}]}},
            "extended.control",
            "has no rate to keep",
        ),
        ("annealed", {"control": {"rope": None}}, "extended.control", "sequence_length grows"),
    ],
)
def test_a_stage_cannot_silently_keep_or_break_with_what_a_soup_is(
    tiny: Path, of: Any, extended: dict[str, Any], where: str, told: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        from_a_soup(tiny, of, **extended)
    assert f"stages.{where}: " in str(raised.value)
    assert told in str(raised.value)


def test_a_stage_from_a_soup_may_break_with_it_where_it_says_so(tiny: Path) -> None:
    from_a_soup(tiny)
    from_a_soup(tiny, seed=8, inherit=RESETS | NEW_SEED)
    from_a_soup(tiny, OTHER, inherit=RESETS | NEW_SEED)
    from_a_soup(tiny, sequence_length=64, rope=None)
    from_a_soup(tiny, seeds=[1, 2])
