from midtrain_dagster.laws.decay.config import DecayLawSection
from midtrain_dagster.laws.decay.problems import RunSeen, lineage, problems

RUNS = {
    "cool": RunSeen("base", "web", 64, 1024, 50),
    "long": RunSeen("cool", "web", 64, 1024, 50),
    "wide": RunSeen("cool", "web", 256, 1024, 50),
    "grows": RunSeen("cool", "web", 64, ((1024, 0), (2048, 10)), 50),
}
BEFORE = {"steps": 10, "learning_rate": 1e-3}


def told(**section) -> list[str]:
    laws = {"worth": DecayLawSection(law="annealing", **section)}
    return [reason for _, reason in problems(laws, RUNS, "base")]


def test_runs_go_back_to_the_first() -> None:
    assert lineage("long", RUNS) == ["long", "cool", "base"]


def test_rates_of_a_given_base_have_to_be_said() -> None:
    (first, second) = told(runs=["cool", "long"])
    assert "cool goes back to the given base" in first
    assert "long goes back to the given base" in second
    assert told(runs=["cool", "long"], before=BEFORE) == []


def test_losses_that_cannot_be_compared_are_told() -> None:
    assert (
        "wide has another sequence_length than cool"
        in told(runs=["cool", "wide"], before=BEFORE)[0]
    )
    assert "the batch of grows changes" in told(runs=["cool", "grows"], before=BEFORE)[0]
