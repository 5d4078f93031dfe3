"""Which steps fail, judged by nothing but the log; and what the config says of it."""

import math
from typing import Any

import pytest
from pydantic import ValidationError

from midtrain_dagster.training.step.failures import (
    Failures,
    LossSpikeError,
    NonFiniteLossError,
    Spike,
    failed_step,
    judge,
    skips_in_a_row,
)

SPIKE = Failures(spike=Spike(action="skip", deviations=3, window=8))
STEADY = [2.0, 2.2, 2.0, 2.2, 2.0, 2.2, 2.0, 2.2]
"""Mean 2.1, standard deviation 0.1069: three deviations above is 2.421."""


def log(losses: list[float | None], norms: list[float | None] | None = None) -> list[dict]:
    return [
        {"loss": loss, "gradient_norm": norm, "skipped": None}
        for loss, norm in zip(losses, norms or losses, strict=True)
    ]


@pytest.mark.parametrize("loss, norm", [(math.nan, 1.0), (1.0, math.inf), (math.inf, math.nan)])
@pytest.mark.parametrize("action", ["stop", "skip", "retry"])
def test_judge_fails_what_is_not_finite(loss: float, norm: float, action: Any) -> None:
    assert judge(Failures(not_finite=action), loss, norm, []) == ("not finite", action)


def test_judge_looks_for_spikes_where_the_recipe_says_so() -> None:
    assert judge(Failures(), 1e9, 1e9, log(STEADY)) is None


@pytest.mark.parametrize(
    "loss, norm, fails", [(2.42, 2.1, False), (2.43, 2.1, True), (2.1, 2.43, True), (0, 0, False)]
)
def test_judge_finds_a_spike_so_many_deviations_above_the_mean(
    loss: float, norm: float, fails: bool
) -> None:
    assert judge(SPIKE, loss, norm, log(STEADY)) == (("spike", "skip") if fails else None)


def test_judge_wants_half_a_window_and_looks_no_further_back() -> None:
    assert judge(SPIKE, 9.0, 9.0, log(STEADY[:3])) is None
    assert judge(SPIKE, 9.0, 9.0, log(STEADY[:4])) is not None
    assert judge(SPIKE, 9.0, 9.0, log([50.0, 0.0, *STEADY])) is not None
    # A step that was not finite has no loss to compare with.
    assert judge(SPIKE, 9.0, 9.0, log([*STEADY[:3], None, None])) is None


def test_judge_does_not_skip_for_ever_what_changes_for_good() -> None:
    steps = log(STEADY)
    verdicts = []
    for _ in range(8):
        verdicts.append(judge(SPIKE, 4.0, 4.0, steps))
        steps += log([4.0])
    assert verdicts[0] is not None
    assert verdicts[-1] is None


def test_skips_in_a_row_are_those_at_the_end() -> None:
    reasons = [None, "spike", None, "not finite", "spike"]
    steps = [{"skipped": reason} for reason in reasons]
    assert [skips_in_a_row(steps[:n]) for n in range(6)] == [0, 0, 1, 0, 1, 2]
    assert skips_in_a_row(steps[3:]) == 2


def test_failed_step_says_which_failure_it_was() -> None:
    assert type(failed_step("spike", "step 3")) is LossSpikeError
    assert type(failed_step("not finite", "step 3")) is NonFiniteLossError


def test_failures_refuse_unknown_actions() -> None:
    with pytest.raises(ValidationError, match="'retry', 'skip' or 'stop'"):
        Failures.model_validate({"not_finite": "ignore"})
