"""What holds between the sections of a recipe, and what does not depend on how it is written."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from midtrain_dagster.core.causes import cause
from midtrain_dagster.mixture.weights import Mixture
from midtrain_dagster.recipe import Recipe
from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.training.stage import Stage

REPOSITORY = Path(__file__).parents[2]


OWN = sorted([*REPOSITORY.glob("recipes/*.yaml"), *REPOSITORY.glob("recipes/models/*.yaml")])


@pytest.mark.parametrize("path", OWN, ids=lambda p: p.stem)
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
    return recipe.model_dump(mode="json", exclude={"text", "folder", "file"})


def test_runs_are_every_stage_with_its_control_beside_it(tiny: Path) -> None:
    recipe = load_recipe(tiny)
    assert [(run.name, run.role, run.start) for run in recipe.runs()] == [
        ("base", "stage", "random"),
        ("annealed", "stage", "base"),
        ("annealed/control", "control", "base"),
        ("extended", "stage", "annealed"),
    ]


def test_runs_of_a_control_differ_in_its_fields_and_in_nothing_else(tiny: Path) -> None:
    runs = {run.name: run.stage for run in load_recipe(tiny).runs()}
    stage, control = runs["annealed"], runs["annealed/control"]
    assert isinstance(control.mixture, Mixture)
    assert set(control.mixture.domains) == {"web", "wikipedia"}
    assert control.model_dump(exclude={"mixture"}) == stage.model_dump(exclude={"mixture"})


def test_view_has_the_domains_of_sources_and_of_synthesis(tiny: Path) -> None:
    view = load_recipe(tiny).view
    assert view.natural == {"web", "wikipedia", "mathematics"}
    assert view.domains == view.natural | {"qa"}


def test_what_is_measured_follows_from_the_stages_where_nobody_says_it(tiny: Path) -> None:
    """A domain that mid-training raises over the base is a target, the others are general."""
    fields = load_recipe(tiny).model_dump(mode="json", exclude_unset=True)
    del fields["evaluation"]
    found = Recipe.model_validate(fields).measures
    assert (found.general, found.targets) == (("web", "wikipedia"), ("mathematics",))
    assert found.length == 256
    scaled = Recipe.model_validate(fields | {"scale": {"length": 2, "minimum_steps": 1}})
    assert scaled.measures.length == 128


def test_of_a_given_base_a_target_is_what_the_control_has_less_of(tiny: Path) -> None:
    fields = load_recipe(tiny).model_dump(mode="json", exclude_unset=True)
    for section in ("evaluation", "tokenizer"):
        del fields[section]
    resets = {"moments": {"reset": "none"}, "learning_rate": {"reset": "unknown"}}
    schedule = [{"phase": "constant", "learning_rate": 1e-4}]
    stage = fields["stages"]["annealed"] | {"inherit": resets, "schedule": schedule}
    fields |= {"base": {"checkpoint": "somewhere"}, "stages": {"annealed": stage}}
    recipe = Recipe.model_validate(fields)
    assert recipe.tokenizer.path == "base"
    assert recipe.measures.targets == ("mathematics",)
    del stage["control"]
    assert Recipe.model_validate(fields).measures.targets == ()


def test_the_least_recipe_has_no_use_for_languages_and_says_so(tiny: Path) -> None:
    minimal = load_recipe(tiny.parent / "minimal.yaml")
    assert minimal.measures.general == ("code",)
    assert not minimal.judges_language
    fields = minimal.model_dump(mode="json", exclude_unset=True)
    fields["sources"]["house"]["kind"] = "prose"
    recipe = Recipe.model_validate(fields)
    assert recipe.judges_language
    assert recipe.language_identifier.is_file()
    every = Recipe.model_validate(fields | {"curation": {"languages": "all"}})
    assert not every.judges_language


def test_names_of_stages_collide_with_no_asset(tiny: Path) -> None:
    """Checkpoints have keys of their own, so any name is free that stages do not start from."""
    fields = load_recipe(tiny).model_dump(mode="json", exclude_unset=True)
    fields["stages"]["documents"] = fields["stages"].pop("extended")
    fields["stages"]["annealed_control"] = fields["stages"]["documents"]
    recipe = Recipe.model_validate(fields)
    assert [run.name for run in recipe.runs()][-2:] == ["documents", "annealed_control"]


def test_paths_start_at_the_recipe_and_addresses_stay(tiny: Path) -> None:
    recipe = load_recipe(tiny)
    assert Path(recipe.path(recipe.language_model)).is_file()
    assert recipe.path("/absolute/file") == "/absolute/file"
    assert recipe.path("s3://bucket/file") == "s3://bucket/file"


def stages_of(recipe: Recipe) -> dict[str, Stage]:
    return {run.name: run.stage for run in recipe.runs()}


def test_runs_are_at_the_recipes_scale(tiny: Path) -> None:
    fields = load_recipe(tiny).model_dump(mode="json", exclude_unset=True)
    recipe = Recipe.model_validate(fields | {"scale": {"tokens": 2, "minimum_steps": 1}})
    assert recipe.stages["base"].tokens == 16_000
    stages = stages_of(recipe)
    assert stages["base"].tokens == 8_000
    assert stages["annealed"].tokens == stages["annealed/control"].tokens == 4_000
    assert recipe.distortions()
    assert not load_recipe(tiny).distortions()


def test_stages_start_from_a_given_base(tiny: Path) -> None:
    fields = load_recipe(tiny).model_dump(mode="json", exclude_unset=True)
    del fields["stages"]["base"]
    for stage in fields["stages"].values():
        stage["inherit"] = {
            "moments": {"reset": "none are given"},
            "learning_rate": {"reset": "unknown"},
        }
        stage["schedule"] = [{"phase": "constant", "learning_rate": 1e-4}]
    recipe = Recipe.model_validate(fields | {"base": {"checkpoint": "somewhere"}})
    assert recipe.checkpoints()[0] == recipe.runs()[0].start == "base"
    fields["stages"]["base"] = fields["stages"]["annealed"]
    with pytest.raises(ValueError, match=r"stages.base: this name is taken"):
        Recipe.model_validate(fields | {"base": {"checkpoint": "somewhere"}})


def test_a_mixture_that_no_recipe_declares_is_refused(tiny: Path) -> None:
    fields = load_recipe(tiny).model_dump(mode="json", exclude_unset=True)
    fields["stages"]["extended"]["mixture"] = {"from": "searched"}
    with pytest.raises(ValueError, match=r"stages.extended.mixture.from: no mixture 'searched'"):
        Recipe.model_validate(fields)


def with_soups(tiny: Path, soups: dict[str, Any], **annealed: Any) -> Recipe:
    """The tiny recipe with soups, its stage ``annealed`` changed."""
    fields = load_recipe(tiny).model_dump(mode="json", exclude_unset=True)
    fields["stages"]["annealed"] |= annealed
    return Recipe.model_validate(fields | {"soups": soups})


def test_a_stage_of_several_seeds_is_as_many_runs_and_one_control(tiny: Path) -> None:
    recipe = with_soups(tiny, {"soup": {"of": "annealed"}}, seeds=[7, 42069, 666])
    annealed = {run.name: run for run in recipe.runs() if run.stage_name == "annealed"}
    assert {name: run.seed for name, run in annealed.items()} == {
        "annealed": 7,
        "annealed/seed_42069": 42069,
        "annealed/seed_666": 666,
        "annealed/control": 7,
    }
    apart = {"seed", "inherit"}
    first, other = (
        annealed[name].stage.model_dump(exclude=apart) for name in ("annealed", "annealed/seed_666")
    )
    assert first == other
    assert recipe.ingredients("soup") == dict.fromkeys(list(annealed)[:3], 1 / 3)


def test_a_soup_comes_after_its_last_ingredient(tiny: Path) -> None:
    soups = {
        "late": {"of": ["base", "extended"]},
        "soup": {"of": "annealed"},
        "control_too": {"of": {"annealed": 2, "annealed/control": 1}},
    }
    order = with_soups(tiny, soups, seeds=[7, 8]).checkpoints()
    assert order == [
        *("base", "annealed", "annealed/seed_8", "annealed/control", "soup", "control_too"),
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
        "schedule": [{"phase": "constant", "learning_rate": 1e-3}],
        "inherit": {
            "moments": {"reset": "a soup has none"},
            "learning_rate": {"reset": "nor a rate"},
        },
    }
    recipe = Recipe.model_validate(fields)
    assert recipe.checkpoints()[-2:] == ["soup", "extended"]
    assert recipe.runs()[-1].start == "soup"


RESETS = {"moments": {"reset": "a soup has none"}, "learning_rate": {"reset": "nor a rate"}}


def from_a_soup(tiny: Path, of: Any = "annealed", **extended: Any) -> Recipe:
    """The tiny recipe, its last stage started from a soup: by default of the seeds 7 and 8."""
    fields = with_soups(tiny, {}, seeds=[7, 8]).model_dump(mode="json", exclude_unset=True)
    fields["stages"]["annealed"]["control"] |= {"seeds": None, "seed": 9}
    fields["stages"]["annealed"]["control"] |= {"inherit": {"rng": {"reset": "another one"}}}
    schedule = [{"phase": "constant", "learning_rate": 1e-3}]
    begun = {"start": "soup", "schedule": schedule, "inherit": RESETS}
    fields["stages"]["extended"] |= begun | extended
    return Recipe.model_validate(fields | {"soups": {"soup": {"of": of}}})


OTHER = ["annealed", "annealed/control"]
KEPT = {"moments": RESETS["moments"]}
NEW_SEED = {"rng": {"reset": "a soup of two"}}


@pytest.mark.parametrize(
    ("of", "extended", "where", "told"),
    [
        (
            "annealed",
            {"inherit": {}, "schedule": [{"phase": "constant"}]},
            "extended",
            "'soup' is a soup and has no moments and no learning rate to keep: say inherit: "
            "{moments: {reset: WHY}, learning_rate: {reset: WHY}}",
        ),
        (
            "annealed",
            {"inherit": KEPT, "schedule": [{"phase": "constant"}]},
            "extended",
            "has no learning rate to keep: say inherit: {learning_rate: {reset: WHY}}",
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
        (OTHER, {}, "extended", "a soup of 'annealed/control': the seed changes from 9"),
        (
            ["annealed/seed_8", "base"],
            {"rope": None},
            "extended",
            "'soup' is a soup of 'annealed/seed_8': sequence_length grows",
        ),
        (
            "annealed",
            {"control": {"inherit": KEPT, "schedule": [{"phase": "constant"}]}},
            "extended.control",
            "has no learning rate to keep",
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


RECALL = {
    "reader": "recall",
    "kind": "qa",
    "pages": {"reader": "json_lines", "paths": ["pages.jsonl"], "domain": "web", "kind": "prose"},
    "tasks": {"one": {"task": "needle", "digits": 3}},
    "documents": 20,
    "least_bytes": 200,
    "most_bytes": 300,
}


def test_what_nobody_wrote_is_measured_and_fills_contexts_only_where_it_is_named(
    tiny: Path,
) -> None:
    fields = load_recipe(tiny).model_dump(mode="json", exclude_unset=True, by_alias=True)
    fields.pop("evaluation", None)
    before = Recipe.model_validate(fields)
    fields["sources"]["recall"] = {**RECALL, "domain": "recall"}
    fields["sources"]["more"] = {**RECALL, "domain": "web"}
    with_tasks = Recipe.model_validate(fields)
    assert "recall" in with_tasks.view.natural
    assert with_tasks.measured_domains == before.measured_domains
    assert with_tasks.measures == before.measures
    assert with_tasks.haystack == before.haystack
    fields["evaluation"] = {"targets": ["recall"]}
    named = Recipe.model_validate(fields)
    assert named.measured_domains == sorted([*before.measured_domains, "recall"])
    assert "recall" not in named.measures.general
