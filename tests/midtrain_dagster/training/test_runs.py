"""The runs of a recipe and the graph of their checkpoints."""

from typing import Any

import numpy as np
import pytest

from midtrain_dagster.training.checkpoints.average import Soup
from midtrain_dagster.training.runs import (
    Run,
    checkpoints,
    compared_pairs,
    ingredients,
    raised_domains,
    runs,
    shorter_controls,
    trained_on_found,
)
from midtrain_dagster.training.scale import Scale
from midtrain_dagster.training.stages.train import Train

BASE: dict[str, Any] = {
    "start": "random",
    "tokens": 10_240,
    "batch_tokens": 1_024,
    "sequence_length": 128,
    "schedule": [{"phase": "constant", "learning_rate": 1e-3}],
    "mixture": {"domains": {"web": 1.0}},
}
STAGES = {
    "base": Train.model_validate(BASE),
    "annealed": Train.model_validate(
        BASE | {"start": "base", "seeds": [7, 8], "control": {"sequence_length": 64}}
    ),
    "extended": Train.model_validate(BASE | {"start": "annealed"}),
}


def test_a_domain_that_is_raised_in_its_bands_is_raised() -> None:
    before = Train.model_validate(BASE | {"mixture": {"domains": {"web": 0.7, "code": 0.3}}})
    domains = {"web/1": 0.3, "web/2": "0.3 -> 0.5", "code": "rest"}
    on = Train.model_validate(BASE | {"start": "base", "mixture": {"domains": domains}})
    every = runs({"base": before, "on": on}, Scale(), seed=1)
    assert raised_domains(every, {"web/1": "web", "web/2": "web"}) == {"web"}


@pytest.mark.parametrize(
    ("said", "rates"),
    [
        # From 1,024 to 4,096 tokens: twice the rate, or four times after a warm-up.
        ({"batch": "sqrt"}, [2e-3, 2e-3, 2e-3, 2e-3]),
        ({"batch": "sqrt", "warmup": 8192}, [1e-3, 1.5e-3, 2e-3, 2e-3]),
        ({"batch": "linear", "warmup": 12_288}, [1e-3, 2e-3, 3e-3, 4e-3]),
        ({"factor": 0.5}, [5e-4, 5e-4, 5e-4, 5e-4]),
    ],
)
@pytest.mark.parametrize("scale", [Scale(), Scale(batch=2, length=2, tokens=2, minimum_steps=1)])
def test_rates_follow_the_batch(said: dict[str, Any], rates: list[float], scale: Scale) -> None:
    """The warm-up begins with the rate that the start ended with, so none jumps."""
    changed = {
        "start": "base",
        "tokens": 16_384,
        "batch_tokens": "4096 -> 8192 @ 12288",
        "schedule": [{"phase": "constant"}],
        "inherit": {"learning_rate": {"map": "a larger batch", **said}},
    }
    stages = {"base": STAGES["base"], "next": Train.model_validate(BASE | changed)}
    run = runs(stages, scale, seed=1)[1]
    np.testing.assert_allclose(run.stage.learning_rates(1e-3)[:4], rates, rtol=1e-9)
    assert run.stage.final_learning_rate(1e-3) == pytest.approx(rates[-1])


def test_runs_are_all_runs_in_the_order_of_the_stages() -> None:
    every = runs(STAGES, Scale(), seed=42)
    assert [(run.name, run.start, run.seed) for run in every] == [
        ("base", "random", 42),
        ("annealed", "base", 7),
        ("annealed/seed_8", "base", 8),
        ("annealed/control", "base", 7),
        ("extended", "annealed", 42),
    ]
    assert shorter_controls(every) == {"annealed": 64}
    assert compared_pairs(every, [run.name for run in every]) == [
        ("annealed", "annealed/control"),
        ("annealed", "base"),
        ("extended", "annealed"),
    ]
    tuned = ["annealed/fine_tuned", "base/fine_tuned", "soup/fine_tuned"]
    known = ["base", "annealed", "annealed/seed_8", "soup", *tuned]
    assert compared_pairs(every, known, {"soup": ["annealed", "annealed/seed_8"]}) == [
        ("annealed", "base"),
        ("soup", "annealed"),
        ("soup", "annealed/seed_8"),
        ("annealed/fine_tuned", "base/fine_tuned"),
        ("soup/fine_tuned", "annealed/fine_tuned"),
    ]


def test_stages_and_controls_that_name_a_mixture_have_it_with_their_tokens() -> None:
    """A further seed is the same stage again."""
    found = {"mixture": {"from": "found"}}
    named = STAGES | {
        "annealed": Train.model_validate(
            BASE | found | {"start": "base", "seeds": [7, 8], "control": {"tokens": 2048}}
        )
    }
    assert trained_on_found(runs(named, Scale(), seed=42)) == {
        "found": {"annealed": 10_240, "annealed/control": 2048}
    }
    assert trained_on_found(runs(STAGES, Scale(), seed=42)) == {}


def test_runs_have_a_name_that_is_one_folder() -> None:
    stage = runs(STAGES, Scale(), seed=42)[0].stage
    assert Run("annealed", stage, 8, "seed").folder == "annealed-seed_8"


def test_ingredients_of_a_soup_have_shares_that_sum_to_one() -> None:
    seeds = {"annealed": 0.5, "annealed/seed_8": 0.5}
    assert ingredients(Soup(of="annealed"), STAGES) == seeds
    assert ingredients(Soup(of="annealed", last=2), STAGES) == {"annealed": 1.0}
    weighted = Soup(of={"base": 3, "annealed/control": 1})
    assert ingredients(weighted, STAGES) == {"base": 0.75, "annealed/control": 0.25}


def test_checkpoints_put_each_soup_after_its_last_ingredient() -> None:
    soups = {"late": Soup(of=("base", "extended")), "soup": Soup(of="annealed")}
    annealed = ["annealed", "annealed/seed_8", "annealed/control", "soup"]
    order = ["base", *annealed, "extended", "late"]
    assert checkpoints(STAGES, soups, base_given=False) == order
    given = {name: stage for name, stage in STAGES.items() if name != "base"}
    assert checkpoints(given, soups, base_given=True) == order
