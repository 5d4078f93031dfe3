import pytest

from midtrain_dagster.laws.decay.config import DecayLawSection
from midtrain_dagster.laws.decay.methods.annealing import Annealing
from midtrain_dagster.laws.decay.study import study
from tests.midtrain_dagster.laws.decay.synthetic import constant, cosine, decayed, made
from tests.midtrain_dagster.laws.decay.test_fit import ANNEALING

LAWS = ["annealing", "multi_power", "forward_momentum"]


def of(law: str, runs, noise: float = 1e-3):
    curves = made(Annealing(0.999), ANNEALING, runs, noise=noise)
    return study(DecayLawSection(law=law).law, curves, count=20)


@pytest.mark.parametrize("law", LAWS)
def test_constant_runs_are_flat_and_the_run_that_would_tell_is_named(law) -> None:
    found = of(law, {"short": constant(2000), "long": constant()})
    assert not found.profile.is_told
    assert found.refused is not None
    assert "flat" in found.refused
    assert "one schedule of short, long" in found.refused
    assert "-> Decay(3e-05)" in found.refused


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("run", [cosine(), decayed()], ids=["cosine", "decayed"])
def test_one_schedule_alone_is_refused(law, run) -> None:
    found = of(law, {"only": run})
    assert found.refused is not None
    assert found.profile.parameter in found.refused
    assert "only" in found.refused


@pytest.mark.parametrize("law", LAWS)
def test_two_schedules_answer(law) -> None:
    found = of(law, {"constant": constant(), "decayed": decayed()})
    assert found.refused is None


def test_run_that_alone_decays_cannot_be_left_out() -> None:
    found = of("annealing", {"constant": constant(), "decayed": decayed()})
    by_run = {each.run: each for each in found.errors.runs}
    assert by_run["decayed"].mean is None
    assert by_run["constant"].mean is not None
    assert by_run["constant"].mean < 5e-3
