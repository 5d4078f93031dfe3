import numpy as np
import pytest

from midtrain_dagster.laws.decay.fit import Data, fit, predict
from midtrain_dagster.laws.decay.methods.annealing import Annealing
from midtrain_dagster.laws.decay.methods.forward_momentum import ForwardMomentum
from midtrain_dagster.laws.decay.methods.multi_power import MultiPower
from tests.midtrain_dagster.laws.decay.synthetic import constant, cosine, decayed, dropped, made

ANNEALING = {"L0": 2.9, "A": 0.3, "C": 0.5, "alpha": 0.5}
MULTI_POWER = {"L0": 2.7, "A": 0.3, "B": 400, "alpha": 0.5, "C": 2, "beta": 0.6, "gamma": 0.6}
RUNS = {"constant": constant(), "cosine": cosine(), "dropped": dropped()}


def test_annealing_parameters_come_back() -> None:
    fitted = fit(Data.of(Annealing(0.999), made(Annealing(0.999), ANNEALING, RUNS)))
    assert fitted.values == pytest.approx(ANNEALING, rel=1e-3)


def test_outliers_do_not_move_a_fit() -> None:
    curves = made(Annealing(0.999), ANNEALING, RUNS)
    for curve in curves:
        curve.losses[::15] *= 1.2
    fitted = fit(Data.of(Annealing(0.999), curves))
    assert fitted.values == pytest.approx(ANNEALING, rel=0.02)


def test_multi_power_predicts_a_schedule_that_it_was_not_fitted_to() -> None:
    """Its exponents have a prior and are not told apart; what it predicts is."""
    model = MultiPower()
    fitted = fit(Data.of(model, made(model, MULTI_POWER, RUNS)))
    (other,) = made(model, MULTI_POWER, {"decayed": decayed(0.3)})
    predicted = predict(model, fitted.theta, other.rates, other.points)
    assert predicted == pytest.approx(other.losses, rel=2e-3)


def test_forward_momentum_tells_sizes_apart() -> None:
    model = ForwardMomentum(8, sized=True)
    values = {"L0": 2.0, "A": 0.3, "C": 0.002, "B": 1.5, "alpha": 0.5, "beta": 0.34}
    curves = [
        curve
        for size in (5_000_000, 20_000_000, 80_000_000)
        for curve in made(model, values, RUNS, parameters=size)
    ]
    fitted = fit(Data.of(model, curves))
    (other,) = made(model, values, {"decayed": decayed()}, parameters=320_000_000)
    predicted = predict(model, fitted.theta, other.rates, other.points, other.parameters)
    assert predicted == pytest.approx(other.losses, rel=2e-3)


@pytest.mark.parametrize(
    "model", [Annealing(0.99), MultiPower(), ForwardMomentum(8, sized=True)], ids=type
)
def test_derivatives_are_those_of_differences(model) -> None:
    count = len(model.factors) + len(model.exponents)
    theta = np.log(np.full(count, 0.5))
    theta[0] = np.log(3.0)
    curves = made(
        Annealing(0.999), ANNEALING, {"cosine": cosine(), "dropped": dropped()}, parameters=10**7
    )
    data = Data.of(model, curves)
    _, jacobian = data.residuals(theta)
    for place in range(count):
        step = np.zeros(count)
        step[place] = 1e-6
        difference = data.residuals(theta + step)[0] - data.residuals(theta - step)[0]
        assert jacobian[:, place] == pytest.approx(difference / 2e-6, rel=1e-3, abs=1e-7)
