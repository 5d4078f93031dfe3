"""What each stage sees, with what it takes over, and the picture of it."""

import re
from pathlib import Path
from xml.etree import ElementTree

from midtrain_dagster.recipe_file import load_recipe
from midtrain_dagster.training.overview import Leg, beside, legs, main_way
from midtrain_dagster.training.overview_plot import length_in_words, overview_plot

RECIPES = Path(__file__).parents[3] / "recipes"


def of(name: str) -> list[Leg]:
    recipe = load_recipe(RECIPES / f"{name}.yaml")
    return legs(recipe.runs(), recipe.stages, recipe.soups)


def test_rates_are_those_that_a_stage_goes_on_from() -> None:
    base, annealed, extended = of("demo")
    assert base.rates == "warm-up to 0.003, constant 0.003"
    assert annealed.rates == "one minus sqrt to 0.0003"
    assert extended.rates == "constant 0.0003"
    assert [each.positions for each in (base, annealed, extended)] == ["", "", "yarn 4"]
    assert extended.segments
    assert extended.segments[0].start == 3e-4


def test_rates_that_only_a_checkpoint_knows_are_left_to_it() -> None:
    annealed, *_ = of("smollm2-135m")
    assert annealed.rates == "warm-up to 0.0001, linear to 0"
    unknown = Leg("x", annealed.stage, None)
    assert unknown.rates == "goes on from the base's"


def test_batches_and_shares_that_change_are_told_from_first_to_last() -> None:
    assert of("models/llama3_405b")[0].batches == "4.19M to 16.8M"
    annealed = of("models/yi_lightning")[1]
    assert [annealed.share_of(each) for each in ("web", "books", "agent")] == ["55-23", "10", ""]


def test_branches_lie_beside_the_main_way() -> None:
    every = of("models/octothinker")
    assert [leg.name for leg in main_way(every)] == ["base", "stable", "long"]
    assert [leg.name for leg in beside(every)] == ["short", "hybrid"]


def test_a_picture_is_small_has_each_stage_and_is_the_same_each_time() -> None:
    every = of("demo")
    colours = {"web": "#111", "wikipedia": "#222", "documentation": "#333", "code": "#444"}
    drawn = overview_plot(every, colours)
    assert drawn == overview_plot(of("demo"), colours)
    assert len(drawn) < 12_000
    words = [each.text for each in ElementTree.fromstring(drawn).iter() if each.text]
    assert {"base", "annealed", "extended", "600K", "870K", "0.003", "128", "512"} <= set(words)
    assert len(re.findall('fill="#111"', drawn)) == 1 + len(every)
    (rate,) = re.findall('d="([^"]+)" fill="none" stroke="#0069a8"', drawn)
    heights = [float(point.split()[1]) for point in re.split("[ML]", rate)[1:]]
    assert (max(heights), min(heights)) == (94.0, 24.0)  # from 0 to the highest


def test_lengths_are_counted_as_papers_do() -> None:
    assert [length_in_words(each) for each in (512, 4096, 131072)] == ["512", "4K", "128K"]
