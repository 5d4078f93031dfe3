import polars as pl
import pytest

from midtrain_dagster.laws.decay.config import Before
from midtrain_dagster.laws.decay.curve import LogError
from midtrain_dagster.training.decay_laws.curves import Logged, curve_of, logged_runs, rates_of


def log(rates, losses=None, skipped=()) -> pl.DataFrame:
    steps = len(rates)
    return pl.DataFrame(
        {
            "step": range(steps),
            "loss": losses or [3.0] * steps,
            "learning_rate": rates,
            "skipped": ["spike" if step in skipped else None for step in range(steps)],
        },
        schema_overrides={"loss": pl.Float64, "skipped": pl.String},
    )


def test_rates_are_those_of_all_that_a_run_goes_back_to() -> None:
    runs = logged_runs(
        ["cool"],
        {"base": log([1.0, 2.0, 2.0]), "cool": log([2.0, 1.0])},
        {"base": "random", "cool": "base"},
        None,
    )
    rates = rates_of(runs["cool"])
    assert rates.each.tolist() == [1.0, 2.0, 2.0, 2.0, 1.0]
    assert rates.warmup == 1


def test_given_base_has_the_rates_that_the_recipe_says() -> None:
    runs = logged_runs(
        ["cool"], {"cool": log([2.0, 1.0])}, {"cool": "base"}, Before(steps=3, learning_rate=2.0)
    )
    assert rates_of(runs["cool"]).each.tolist() == [2.0, 2.0, 2.0, 2.0, 1.0]


def test_steps_that_moved_nothing_are_no_steps() -> None:
    rates = [0.0] + [1.0] * 19
    losses = [9.0, *[3.0] * 10, 8.0, *[3.0] * 8]
    found = curve_of(
        "run", Logged(log(rates, losses, skipped={11})), tokens_a_step=8, parameters=None
    )
    assert found.rates.each.tolist() == [1.0] * 18
    assert set(found.losses) == {3.0}


def test_too_short_a_log_is_told() -> None:
    with pytest.raises(LogError, match="cool: its log has 1 points"):
        curve_of("cool", Logged(log([1.0])), tokens_a_step=8, parameters=None)
    with pytest.raises(LogError, match="none of its 2 steps moved anything"):
        curve_of("cool", Logged(log([0.0, 0.0])), tokens_a_step=8, parameters=None)
