import numpy as np
import pytest

from midtrain_dagster.laws.decay.fit import FLOOR, Data, fit
from midtrain_dagster.laws.decay.methods.annealing import Annealing
from midtrain_dagster.laws.decay.uncertainty import BOTH, FEW, RUNS, draws, interval, with_error
from tests.midtrain_dagster.laws.decay.synthetic import constant, cosine, decayed, dropped, made
from tests.midtrain_dagster.laws.decay.test_fit import ANNEALING


def test_few_runs_are_weighed_inside_and_many_are_not() -> None:
    few = {"constant": constant(), "cosine": cosine(), "dropped": dropped()}
    many = few | {f"decayed_{n}": decayed(n / 10) for n in range(1, FEW - 1)}
    for runs, told in ((few, BOTH), (many, RUNS)):
        data = Data.of(Annealing(0.999), made(Annealing(0.999), ANNEALING, runs, noise=2e-3))
        fitted = fit(data)
        drawn = draws(data, fitted, 20)
        assert drawn.over == told
        assert (drawn.theta.std(axis=0) > 0).all()
        again = draws(data, fitted, 20)
        assert (drawn.theta == again.theta).all()


def test_interval_holds_its_value_also_where_draws_are_infinite() -> None:
    found = interval(5.0, np.array([1.0, 2.0, np.inf, np.inf]))
    assert (found.low, found.value, found.high) == (1.0, 5.0, np.inf)


def test_errors_on_left_out_runs_widen_and_few_of_them_more() -> None:
    losses = np.full(4000, 3.0)
    assert (with_error(losses, []) == with_error(losses, [FLOOR])).all()
    assert (with_error(losses, [0.0]) == with_error(losses, [FLOOR])).all()
    one, many = (np.quantile(with_error(losses, [0.01] * count), 0.95) for count in (1, 50))
    assert one > many > 3.0
    assert many == pytest.approx(3 * (1 + 0.01 * 1.68), rel=3e-3)


def test_decays_of_one_draw_share_its_error() -> None:
    """Else the least of many lengths would be the luckiest, and any loss be reached at once."""
    moved = with_error(np.full((50, 3), 2.0), [0.05])
    assert (moved == moved[:, :1]).all() and moved[:, 0].std() > 0
    assert (moved[:, 0] == with_error(np.full(50, 2.0), [0.05])).all()
