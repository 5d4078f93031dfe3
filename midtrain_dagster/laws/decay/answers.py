"""What a fitted law answers: from a checkpoint, what becomes of the loss.

A question starts at a checkpoint: its run's rates so far, and how large its model is. Every answer
has an interval: that of the law's refits, widened by the errors that the law made at the ends of
runs it was not fitted to. No answer is given where the runs do not tell what a decay is worth
(``identifiability``). A shape is a function from the progress of a decay in [0, 1], its first and
its last rate to the rate (``training.schedule.shape`` has the family).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from midtrain_dagster.laws.decay.fit import predict
from midtrain_dagster.laws.decay.rates import Floats, Rates
from midtrain_dagster.laws.decay.study import Study
from midtrain_dagster.laws.decay.uncertainty import Interval, interval, with_error

Shape = Callable[[NDArray[np.float64], float, float], NDArray[np.float64]]

SHARES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Shares of a budget that a decay may take."""

ENDS = (0.3, 0.1, 0.03, 0.01)
"""Where a decay may end, as shares of the rate that it begins with; none below what a run had."""

TIMES = 10
"""How many times the steps so far a loss is looked for."""

LENGTHS = 32
"""Lengths of a decay between which a loss is looked for."""


class QuestionError(ValueError):
    """A question that the law has no answer to; the message says why, and what to ask."""


@dataclass(frozen=True)
class Start:
    """Where a question starts."""

    rates: Rates
    parameters: int | None = None

    def __post_init__(self) -> None:
        if self.rates.last <= 0:
            raise QuestionError(
                "the checkpoint's rate has come down to 0, from which nothing can decay: start at "
                "an earlier step of its run, before the decay"
            )


@dataclass(frozen=True)
class Plan:
    """A schedule from a start on: a plateau, then a decay over the last ``decay`` of ``steps``."""

    steps: int
    decay: int
    shape: str
    end: float


@dataclass(frozen=True)
class Best:
    """The best schedule of a budget, with the best of each shape beside it."""

    plan: Plan
    loss: Interval
    constant: Interval
    """The loss with no decay at all."""
    by_shape: Mapping[str, tuple[Plan, float]]


def loss_of(study: Study, start: Start, more: Floats, parameters: int | None = None) -> Interval:
    """The loss after more steps at these rates, with another size of model if one is given."""
    study.require_answers()
    rates = start.rates.then(more)
    return _loss(study, rates, _size(study, start, parameters))


def decay(start: Start, shape: Shape, steps: int, end: float) -> Floats:
    """The rates of a decay from a start's rate to ``end``, which the step after it would have."""
    if not 0 <= end < start.rates.last:
        raise QuestionError(
            f"a decay to {end:g} does not fall: the checkpoint's rate is {start.rates.last:g}"
        )
    return shape(np.arange(steps) / steps, start.rates.last, end)


def steps_to(study: Study, start: Start, shape: Shape, end: float, loss: float) -> Interval:
    """The steps of a decay after which the loss is as low as ``loss``; infinite where none of up to
    ``TIMES`` times the steps so far gets there."""
    study.require_answers()
    longest = TIMES * start.rates.steps
    lengths = np.unique(np.geomspace(1, longest, LENGTHS).astype(np.int64))
    found = [
        _losses(study, start.rates.then(decay(start, shape, int(each), end)), start.parameters)
        for each in lengths
    ]
    values = np.array([value for value, _ in found])
    every = with_error(np.array([drawn for _, drawn in found]).T, study.errors.ends)
    return interval(_reached(lengths, values, loss), _all_reached(lengths, every, loss))


def _all_reached(lengths: NDArray[np.int64], losses: Floats, loss: float) -> Floats:
    return np.array([_reached(lengths, each, loss) for each in losses])


def _reached(lengths: NDArray[np.int64], losses: Floats, loss: float) -> float:
    """Where a curve over lengths first comes down to a loss."""
    lowest = np.minimum.accumulate(losses)
    if lowest[-1] > loss:
        return np.inf
    # Interpolation wants what rises.
    return float(np.exp(np.interp(-loss, -lowest, np.log(lengths))))


def best(study: Study, start: Start, steps: int, shapes: Mapping[str, Shape]) -> Best:
    """The best of a plateau and a decay over ``steps``: its shape, its length and where it ends.

    No decay ends below the lowest rate that a run had: there the law was never tried.
    """
    study.require_answers()
    rate = start.rates.last
    ends = sorted({max(study.lowest, share * rate) for share in ENDS} - {rate})
    ends = [end for end in ends if 0 < end < rate]
    if not ends:
        raise QuestionError(
            f"no run went below the checkpoint's rate of {rate:g}: what a decay from there is "
            "worth is not known; start at an earlier step, or add a run that decays further"
        )
    by_shape = {name: _best_of(study, start, steps, name, shapes[name], ends) for name in shapes}
    plan, _ = min(by_shape.values(), key=lambda each: each[1])
    return Best(
        plan,
        loss_of(study, start, rates_of(start, plan, shapes)),
        loss_of(study, start, np.full(steps, rate)),
        by_shape,
    )


def rates_of(start: Start, plan: Plan, shapes: Mapping[str, Shape]) -> Floats:
    """The rates of a plan."""
    plateau = np.full(plan.steps - plan.decay, start.rates.last)
    return np.concatenate((plateau, decay(start, shapes[plan.shape], plan.decay, plan.end)))


def _best_of(
    study: Study, start: Start, steps: int, name: str, shape: Shape, ends: Sequence[float]
) -> tuple[Plan, float]:
    """The best plan of one shape: over the grid, then between the shares beside the best one."""
    from scipy.optimize import minimize_scalar

    def value(share: float, end: float) -> float:
        plan = _plan(steps, share, name, end)
        rates = start.rates.then(rates_of(start, plan, {name: shape}))
        return _point(study, rates, start.parameters)

    grid = [(value(share, end), share, end) for end in ends for share in SHARES]
    loss, share, end = min(grid)
    place = SHARES.index(share)
    around = (SHARES[max(0, place - 1)], SHARES[min(len(SHARES) - 1, place + 1)])
    refined = minimize_scalar(
        lambda each: value(each, end), bounds=around, method="bounded", options={"maxiter": 12}
    )
    if refined.fun < loss:
        loss, share = float(refined.fun), float(refined.x)
    return _plan(steps, share, name, end), loss


def _plan(steps: int, share: float, shape: str, end: float) -> Plan:
    return Plan(steps, max(1, round(share * steps)), shape, end)


def _size(study: Study, start: Start, parameters: int | None) -> int | None:
    """The size that is asked of. Raises :class:`QuestionError` where the law knows but one."""
    if parameters is None or parameters == start.parameters:
        return start.parameters
    if not study.fitted.model.sized:
        seen = ", ".join(f"{size:,}" for size in study.sizes) or "none is told"
        raise QuestionError(
            f"another size of model is not answered by {study.law.law} from runs of these sizes: "
            f"{seen}. It takes law: forward_momentum, and runs of two sizes at least, with their "
            "parameters told"
        )
    return parameters


def _loss(study: Study, rates: Rates, parameters: int | None) -> Interval:
    value, every = _losses(study, rates, parameters)
    return interval(value, with_error(every, study.errors.ends))


def _losses(study: Study, rates: Rates, parameters: int | None) -> tuple[float, Floats]:
    """The loss at the end of a run, and that of each draw."""
    theta = np.vstack((study.fitted.theta, study.drawn.theta))
    end = np.array([float(rates.steps)])
    every = predict(study.fitted.model, theta, rates, end, parameters)[:, 0]
    return float(every[0]), every[1:]


def _point(study: Study, rates: Rates, parameters: int | None) -> float:
    end = np.array([float(rates.steps)])
    return float(predict(study.fitted.model, study.fitted.theta, rates, end, parameters)[0])
