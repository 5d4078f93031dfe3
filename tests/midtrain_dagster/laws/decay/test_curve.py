import numpy as np
import polars as pl
import pytest

from midtrain_dagster.laws.decay.curve import LogError, binned, curve, curve_of_table
from tests.midtrain_dagster.laws.decay.synthetic import constant


def table(steps, rates, losses) -> pl.DataFrame:
    return pl.DataFrame({"step": steps, "lr": rates, "loss": losses})


def test_rates_between_rows_are_in_a_straight_line_and_jump_between_plateaus() -> None:
    steps = list(range(100, 1300, 100))
    rates = [4.0] * 5 + [1.0] * 4 + [0.8, 0.6, 0.4]
    found = curve_of_table("run", table(steps, rates, [3.0] * 12), warmup=50)
    each = found.rates.each
    assert each[24] == pytest.approx(4.0 * 25 / 50)
    assert (each[50:600] == 4.0).all()
    assert (each[600:900] == 1.0).all()
    assert each[950] == pytest.approx(0.9)
    assert found.points.tolist() == steps


def test_rows_without_a_loss_say_a_rate_only() -> None:
    steps = list(range(100, 2500, 100))
    losses = [3.0, None] * 12
    found = curve_of_table("run", table(steps, [1.0] * 24, losses))
    assert found.points.tolist() == steps[::2]
    assert found.rates.steps == 2401


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (table([5], [1e-3], [3.0]), "run: its log has 1 points, of which 1"),
        (table([1, 1], [1e-3, 1e-3], [3.0, 3.0]), "do not rise"),
        (table([1, 2], [1e-3, -1.0], [3.0, 3.0]), "row 2: step 2, lr -1.0"),
        (table([1, 2], [0.0, 0.0], [3.0, 3.0]), "all its rates are 0"),
        (pl.DataFrame({"step": [1], "rate": [1.0]}), "no column lr, loss"),
        (table([], [], []), "has no rows"),
    ],
)
def test_what_is_no_log_is_told(given, told) -> None:
    with pytest.raises(LogError, match=told):
        curve_of_table("run", given)


def test_losses_that_are_not_finite_are_left_out_and_counted() -> None:
    losses = np.full(40, 3.0)
    losses[[3, 7]] = np.nan, np.inf
    points = np.linspace(100, 3000, 40)
    found = curve("run", constant(), points, losses)
    assert len(found.points) == 40 - found.left_out
    assert found.left_out == 2 + (points < 200).sum()


def test_bins_are_means_of_equally_many_points() -> None:
    points = np.arange(200.0, 1200.0)
    found = binned(curve("run", constant(), points, 1 + points / 1e3), 7)
    assert len(found.points) == 7
    assert found.losses == pytest.approx(1 + found.points / 1e3)
    assert np.ptp(np.diff(found.points)) <= 1
