"""The best schedule of a budget that only has to fall: no shape, no plateau.

Source: Luo et al. 2025 (arXiv 2503.12811), section 5, who minimise the law over the falls Δη ≥ 0 of
all steps by Adam, 10,000 steps at a rate of 5e-9. Here the rates at ``KNOTS`` places are what is
free, straight lines between them, and sequential quadratic programming (SciPy's SLSQP) keeps the
falls above 0 and the end above the lowest rate that a run had. Of the annealing law this is a
convex problem, and what is found is the best there is; of the multi-power law it is a local
minimum, from the best of the family of shapes on.
"""

from dataclasses import dataclass

import numpy as np

from midtrain_dagster.laws.decay.answers import QuestionError, Start, loss_of
from midtrain_dagster.laws.decay.fit import predict
from midtrain_dagster.laws.decay.rates import Floats
from midtrain_dagster.laws.decay.study import Study
from midtrain_dagster.laws.decay.uncertainty import Interval

KNOTS = 24

FEWEST = 2 * KNOTS
"""Steps that a budget has at least."""


@dataclass(frozen=True)
class FreeSchedule:
    """Rates that fall as the law likes best."""

    rates: Floats
    """Of each step of the budget."""
    loss: Interval


def free_schedule(study: Study, start: Start, begin: Floats) -> FreeSchedule:
    """The best falling rates of ``len(begin)`` steps, from the rates ``begin`` on.

    Raises :class:`QuestionError` for a law whose momentum counts falls whatever their size: its
    best schedule would be an endless trickle.
    """
    from scipy.optimize import minimize

    study.require_answers()
    model = study.fitted.model
    if not model.deep:
        raise QuestionError(
            f"{study.law.law} counts falls whatever their size, so no schedule of free form is "
            "asked of it: ask annealing or multi_power"
        )
    steps = len(begin)
    if steps < FEWEST:
        raise QuestionError(f"a schedule of free form needs {FEWEST} steps, and has {steps}")
    rate, lowest = start.rates.last, min(study.lowest, start.rates.last)
    knots = np.linspace(0, steps - 1, KNOTS)
    end = np.array([float(start.rates.steps + steps)])

    def rates(falls: Floats) -> Floats:
        levels = rate - np.cumsum(falls) * (rate - lowest)
        return np.interp(np.arange(steps), knots, np.maximum(levels, lowest))

    def loss(falls: Floats) -> float:
        run = start.rates.then(rates(falls))
        return float(predict(model, study.fitted.theta, run, end, start.parameters)[0])

    span = max(rate - lowest, 1e-300)
    levels = np.maximum(np.interp(knots, np.arange(steps), begin), lowest)
    first = np.maximum(-np.diff(levels, prepend=rate) / span, 0.0)
    found = minimize(
        loss,
        first,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * KNOTS,
        constraints={"type": "ineq", "fun": lambda falls: 1.0 - falls.sum()},
        options={"maxiter": 60, "ftol": 1e-8, "eps": 1e-5},
    )
    best = rates(np.clip(found.x, 0.0, 1.0)) if found.fun < loss(first) else begin
    return FreeSchedule(best, loss_of(study, start, best))
