import math
from itertools import pairwise

import numpy as np
import pytest

from midtrain_dagster.laws.decay.answers import (
    QuestionError,
    Start,
    best,
    decay,
    loss_of,
    rates_of,
    steps_to,
)
from midtrain_dagster.laws.decay.config import DecayLawSection
from midtrain_dagster.laws.decay.free_schedule import free_schedule
from midtrain_dagster.laws.decay.identifiability import NotIdentifiedError
from midtrain_dagster.laws.decay.methods.annealing import Annealing
from midtrain_dagster.laws.decay.methods.forward_momentum import ForwardMomentum
from midtrain_dagster.laws.decay.methods.multi_power import MultiPower
from midtrain_dagster.laws.decay.rates import Rates
from midtrain_dagster.laws.decay.study import study
from tests.midtrain_dagster.laws.decay.synthetic import (
    LOW,
    constant,
    cosine,
    decayed,
    dropped,
    made,
)
from tests.midtrain_dagster.laws.decay.test_fit import ANNEALING, MULTI_POWER

RUNS = {"constant": constant(), "cosine": cosine(), "dropped": dropped()}
SHAPES = {
    "linear": lambda x, start, end: start + (end - start) * x,
    "cosine": lambda x, start, end: end + (start - end) * (1 + np.cos(np.pi * x)) / 2,
}


@pytest.fixture(scope="module", params=["annealing", "multi_power"])
def asked(request):
    """A law that was fitted to its own curves, with a little noise, and a start."""
    model, values = {
        "annealing": (Annealing(0.999), ANNEALING),
        "multi_power": (MultiPower(), MULTI_POWER),
    }[request.param]
    curves = made(model, values, RUNS, noise=1e-3)
    found = study(DecayLawSection(law=request.param).law, curves, count=24)
    truth = made(model, values, {"decayed": decayed(0.25)})[0]
    return found, Start(Rates(decayed(0.25).each[: 200 + 2250], 200)), truth


def test_loss_after_a_decay_is_that_of_the_law_in_its_interval(asked) -> None:
    found, start, truth = asked
    loss = loss_of(found, start, decay(start, SHAPES["linear"], 750, LOW))
    assert loss.low <= loss.value <= loss.high
    assert loss.value == pytest.approx(truth.losses[-1], rel=3e-3)
    assert loss.low <= truth.losses[-1] <= loss.high


def test_steps_to_a_loss_and_the_loss_after_them_agree(asked) -> None:
    found, start, _ = asked
    loss = loss_of(found, start, decay(start, SHAPES["linear"], 600, LOW)).value
    steps = steps_to(found, start, SHAPES["linear"], LOW, loss)
    assert steps.value == pytest.approx(600, rel=0.1)
    assert steps.low <= steps.value <= steps.high
    assert math.isinf(steps_to(found, start, SHAPES["linear"], LOW, 0.5).value)


def test_more_steps_give_no_higher_loss_at_the_best_schedule(asked) -> None:
    found, start, _ = asked
    losses = [best(found, start, steps, SHAPES).loss.value for steps in (200, 500, 1000, 2000)]
    assert all(later <= earlier + 1e-5 for earlier, later in pairwise(losses))


def test_best_schedule_beats_its_family_and_the_free_one_beats_it(asked) -> None:
    found, start, _ = asked
    plan = best(found, start, 800, SHAPES)
    assert plan.loss.value <= min(loss for _, loss in plan.by_shape.values()) + 1e-6
    assert plan.loss.value < plan.constant.value
    assert plan.plan.end >= found.lowest
    free = free_schedule(found, start, rates_of(start, plan.plan, SHAPES))
    assert free.loss.value <= plan.loss.value + 1e-9
    assert (np.diff(free.rates) <= 1e-12).all()
    assert free.rates.min() >= found.lowest - 1e-12


def test_another_size_needs_a_law_that_knows_sizes(asked) -> None:
    found, start, _ = asked
    with pytest.raises(QuestionError, match="law: forward_momentum, and runs of two sizes"):
        loss_of(found, start, np.full(10, 1e-4), parameters=10**9)


def test_law_of_two_sizes_answers_for_a_third_less_surely_the_farther_it_is() -> None:
    model = ForwardMomentum(None, sized=True)
    values = {"L0": 2.0, "A": 0.3, "C": 0.5, "B": 1.5, "alpha": 0.5, "beta": 0.34}
    curves = [
        curve
        for size in (10**7, 4 * 10**7)
        for curve in made(model, values, RUNS, parameters=size, noise=1e-3)
    ]
    law = DecayLawSection(law={"law": "forward_momentum", "momentum": "annealing"}).law
    found = study(law, curves, count=24)
    start, more = Start(constant(), 10**7), np.full(100, 1e-4)
    near, far = (loss_of(found, start, more, size) for size in (2 * 10**7, 10**9))
    assert far.value < near.value < loss_of(found, start, more).value
    assert far.high - far.low > near.high - near.low


def test_start_that_decayed_to_nothing_is_refused() -> None:
    with pytest.raises(QuestionError, match="come down to 0"):
        Start(Rates(np.array([1.0, 0.0])))


def test_nothing_is_answered_where_a_decay_is_not_told() -> None:
    curves = made(Annealing(0.999), ANNEALING, {"a": constant(), "b": constant(2000)}, noise=1e-3)
    found = study(DecayLawSection(law="annealing").law, curves, count=20)
    with pytest.raises(NotIdentifiedError, match="Add a run"):
        loss_of(found, Start(constant()), np.full(10, 1e-4))
