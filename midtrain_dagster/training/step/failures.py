"""What is done when a step fails: a loss that is not finite, or one that spikes.

``skip`` leaves weights and moments as they were and goes on with the next step's documents; the
step stands in the log with its reason, and nothing but the log decides whether a later loss is a
spike, so a resume repeats every skip. ``retry`` computes the step once more, for a fault of the
machine, and stops if it fails again. ``stop`` raises, naming the step and its documents.

A spike is what OLMo-core's ``SkipStepOptimizer`` calls one: the loss or the gradient's norm is more
than 6 standard deviations above its mean over the last 128 steps, once half of those are there.
Skipped steps count in that window too, or a change of data would be skipped for ever.
"""

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel

Action = Literal["retry", "skip", "stop"]
Reason = Literal["not finite", "spike"]

MOST_SKIPS = 10
"""Steps skipped in a row before the run stops, or all of a shorter stage: what never trains is no
training."""


class FailedStepError(RuntimeError):
    """A step that failed and may not be skipped; the message names it and its documents."""


class NonFiniteLossError(FailedStepError):
    """The loss or its gradient is not a number."""


class LossSpikeError(FailedStepError):
    """The loss or its gradient is far above those of the steps before."""


class Spike(FrozenModel):
    """A loss or gradient norm far above the mean of the steps before."""

    action: Action
    """What is done with such a step."""
    deviations: Annotated[float, Field(gt=0)] = 6.0
    """Standard deviations above the mean from which a step is a spike."""
    window: Annotated[int, Field(ge=4)] = 128
    """Steps that mean and deviation are taken over."""


class Failures(FrozenModel):
    """What is done when a step fails."""

    not_finite: Action = "stop"
    """What is done where the loss or its gradient is not a number."""
    spike: Spike | None = None
    """Null: spikes are not looked for."""


class Verdict(NamedTuple):
    """Why a step failed, and what is done about it."""

    reason: Reason
    action: Action


def judge(
    failures: Failures, loss: float, gradient_norm: float, log: Sequence[dict[str, Any]]
) -> Verdict | None:
    """Whether a step with this loss and norm failed; ``log`` are the steps before, in order."""
    if not (math.isfinite(loss) and math.isfinite(gradient_norm)):
        return Verdict("not finite", failures.not_finite)
    spike = failures.spike
    if spike is not None:
        window = [record for record in log[-spike.window :] if record["loss"] is not None]
        measured = {"loss": loss, "gradient_norm": gradient_norm}
        if len(window) >= spike.window // 2 and any(
            _is_above([record[name] for record in window], value, spike.deviations)
            for name, value in measured.items()
        ):
            return Verdict("spike", spike.action)
    return None


def skips_in_a_row(log: Sequence[dict[str, Any]]) -> int:
    """How many of the last steps were skipped, one after the other."""
    trained = (number for number, record in enumerate(reversed(log)) if not record["skipped"])
    return next(trained, len(log))


def failed_step(reason: Reason, message: str) -> FailedStepError:
    """The error that stops a run for this reason."""
    return LossSpikeError(message) if reason == "spike" else NonFiniteLossError(message)


def _is_above(values: list[float], value: float, deviations: float) -> bool:
    return value - fmean(values) > deviations * stdev(values)
