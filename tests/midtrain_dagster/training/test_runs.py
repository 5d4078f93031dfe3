"""The runs of a recipe and the graph of their checkpoints."""

from typing import Any

from midtrain_dagster.training.checkpoints.average import Soup
from midtrain_dagster.training.runs import (
    Run,
    checkpoints,
    ingredients,
    runs,
    shorter_controls,
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
