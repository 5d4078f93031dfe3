from typing import Any

import polars as pl
import pytest

from midtrain_dagster.evaluation.checks import (
    RUN_CHECKS,
    Check,
    Comparison,
    check_name,
    loss_check_descriptions,
    loss_checks,
    run_checks,
)
from midtrain_dagster.evaluation.settings import Checks, EvaluationSettings

SETTINGS = EvaluationSettings(general=("web", "wikipedia"), targets=("mathematics",), length=256)
STAGES = (
    Comparison("annealed", control="annealed/control", other_mixture=True),
    Comparison("extended", control="extended/control", shorter=64),
)
NAMES = ["annealed_general_loss", "annealed_targets", "extended_general_loss", "extended_length"]


def of_run(losses: list[float], **delivered: float) -> dict[str, Check]:
    log = pl.DataFrame({"loss": losses})
    mixture = pl.DataFrame({"domain": list(delivered), "delivered": list(delivered.values())})
    checks = run_checks("base/seed_3", log, mixture, synthetic={"qa"}, natural_floor=0.7)
    assert [check.name for check in checks] == [f"base_seed_3_{what}" for what in RUN_CHECKS]
    return {check.name.removeprefix("base_seed_3_"): check for check in checks}


@pytest.mark.parametrize(
    ("losses", "falls"),
    [([4, 4, 9, 9, 1, 1, 3, 3], True), ([3, 3, 9, 9, 1, 1, 4, 4], False), ([5], False)],
)
def test_run_checks_compare_the_first_and_the_last_quarter(
    losses: list[float], falls: bool
) -> None:
    assert of_run(losses, web=1.0)["loss_falls"].passed is falls


@pytest.mark.parametrize("losses", [[None, None, 1.0, 1.0], [1.0, 1.0, 1.0, None]])
def test_run_checks_say_where_no_step_has_a_loss(losses: Any) -> None:
    check = of_run(losses, web=1.0)["loss_falls"]
    assert not check.passed
    assert check.detail.startswith("not measured: no step of the first or of the last quarter")


@pytest.mark.parametrize(("synthetic", "passed"), [(0.29, True), (0.31, False)])
def test_run_checks_hold_natural_text_to_its_floor(synthetic: float, passed: bool) -> None:
    check = of_run([2, 1], web=1 - synthetic, qa=synthetic)["natural_floor"]
    assert check.passed is passed
    assert check.detail.endswith("the floor is 70%")


@pytest.mark.parametrize(("least", "passed"), [(0.7, True), (0.69, False)])
def test_run_checks_hold_general_text_to_its_floor_at_every_moment(
    least: float, passed: bool
) -> None:
    log, mixture = (pl.DataFrame(each) for each in ({"loss": [2, 1]}, {"domain": ["web"]}))
    mixture = mixture.with_columns(delivered=1.0)
    bounds = {"synthetic": (), "natural_floor": 0.7, "general": (least, 0.7)}
    *_, check = run_checks("base", log, mixture, **bounds)  # type: ignore[arg-type]
    assert (check.name, check.passed) == ("base_general_floor", passed)
    assert check.detail.endswith("the floor is 70%")


def measured(**losses: tuple[float, float, float]) -> pl.DataFrame:
    """Held-out losses of each checkpoint on web, wikipedia and mathematics."""
    return pl.DataFrame(
        [
            {"checkpoint": name.replace("__", "/"), "domain": domain, "loss": loss}
            for name, each in losses.items()
            for domain, loss in zip(("web", "wikipedia", "mathematics"), each, strict=True)
        ]
    )


def positions(extended: tuple[float, float], control: tuple[float, float]) -> pl.DataFrame:
    """Loss below and beyond position 64."""
    rows = [
        {"checkpoint": name, "position": position, "tokens": 64, "loss": loss, "stderr": 0.1}
        for name, each in (("extended", extended), ("extended/control", control))
        for position, loss in zip((0, 64), each, strict=True)
    ]
    return pl.DataFrame(rows)


GOOD: dict[str, Any] = {
    "base": (3.0, 3.0, 5.0),
    "annealed": (3.02, 3.02, 4.0),
    "annealed__control": (2.9, 2.9, 4.9),
    "extended": (3.04, 3.04, 3.9),
    "extended__control": (3.0, 3.0, 3.9),
}
PLACES = positions((3.0, 2.0), (2.0, 3.0))


def failed(places: pl.DataFrame = PLACES, **losses: Any) -> dict[str, str]:
    """The checks that fail, with what they measured."""
    checks = loss_checks(measured(**(GOOD | losses)), places, STAGES, {}, SETTINGS, Checks())
    assert [check.name for check in checks] == list(loss_check_descriptions(STAGES, ()))
    assert all(check.detail and not check.gate for check in checks)
    return {check.name: check.detail for check in checks if not check.passed}


def test_loss_checks_are_known_before_anything_is_measured() -> None:
    assert list(loss_check_descriptions(STAGES, ())) == NAMES
    alone = (Comparison("annealed"), Comparison("longer", control="longer/control"))
    assert list(loss_check_descriptions(alone, ("soup",))) == [
        "annealed_general_loss",
        "longer_general_loss",
        "soup_beats_ingredients",
    ]
    assert check_name("annealed/seed_3", "loss_falls") == "annealed_seed_3_loss_falls"


def test_loss_checks_pass_where_all_is_well() -> None:
    assert failed() == {}


def test_loss_checks_hold_the_mean_general_loss_to_its_bound_over_the_base() -> None:
    """One domain may lose what another gains."""
    assert Checks().general_loss_bound == 0.05
    told = "mean loss on web, wikipedia moved by +0.100; the bound is +0.050"
    assert failed(annealed=(3.2, 3.0, 4.0)) == {"annealed_general_loss": told}
    assert failed(annealed=(3.2, 2.85, 4.0)) == {}


def test_loss_checks_want_targets_better_than_those_of_another_mixture() -> None:
    told = "mean loss on mathematics is 4.900, the control's 4.900"
    assert failed(annealed=(3.0, 3.0, 4.9)) == {"annealed_targets": told}


def test_loss_checks_want_long_windows_better_beyond_the_short_ones() -> None:
    told = "mean loss beyond position 64 of long documents is 3.000, the control's 2.900"
    assert failed(positions((1.0, 3.0), (3.0, 2.9))) == {"extended_length": told}


@pytest.mark.parametrize(
    ("ingredients", "loss", "passed", "best"),
    [
        (["annealed", "annealed/control"], 3.9, True, "(annealed) 4.000"),
        (["annealed", "annealed/control"], 4.0, False, "(annealed) 4.000"),
        ({"annealed": 2, "extended": 1}, 3.95, False, "(extended) 3.900"),
    ],
)
def test_loss_checks_want_a_soup_better_than_its_best_ingredient(
    ingredients: Any, loss: float, passed: bool, best: str
) -> None:
    losses = measured(**GOOD, soup=(3.0, 3.0, loss))
    *_, check = loss_checks(losses, PLACES, STAGES, {"soup": ingredients}, SETTINGS, Checks())
    assert check.name == "soup_beats_ingredients"
    assert check.passed is passed
    told = f"mean loss on mathematics is {loss:.3f}, its best ingredient's {best}"
    assert check.detail == told


def test_loss_checks_name_what_was_not_measured() -> None:
    """A domain may have no held-out document, and no document may be as long as the window."""
    losses = measured(**GOOD).filter(pl.col("domain") == "web")
    checks = loss_checks(losses, PLACES.clear(), STAGES, {}, SETTINGS, Checks())
    details = {check.name: check.detail for check in checks}
    assert details["annealed_general_loss"] == (
        "mean loss on web moved by +0.020; the bound is +0.050; 1 of 2 domains have no loss "
        "(wikipedia)"
    )
    told = {check.name: check.detail for check in checks if not check.passed}
    assert told["annealed_targets"].startswith(
        "not measured: there is no loss on mathematics, for no document of it is held out"
    )
    one = losses.filter(pl.col("checkpoint") != "annealed")
    first, *_ = loss_checks(one, PLACES, STAGES, {}, SETTINGS, Checks())
    assert first.detail.startswith("not measured: annealed has no loss on web")
    assert "not measured: no held-out document reaches beyond position" in told["extended_length"]
