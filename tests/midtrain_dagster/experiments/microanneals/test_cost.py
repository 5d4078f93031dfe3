from midtrain_dagster.experiments.microanneals.cost import outlook
from midtrain_dagster.training.scale import Scale
from tests.midtrain_dagster.experiments.microanneals.test_runs import BASE, asked


def test_runs_and_tokens_are_told_beforehand() -> None:
    (line,) = outlook({"sources": asked()}, [BASE], Scale(), None)
    assert "2 candidates and general alone, 3 seeds, from base" in line
    assert "9 decays of 20,480 tokens; 184K tokens in all" in line


def test_one_seed_is_told_to_decide_nothing() -> None:
    first, warning = outlook({"sources": asked(seeds=[1])}, [BASE], Scale(), None)
    assert "1 seed, " in first
    assert "with one seed there is no spread, and nothing will be decided" in warning
