"""Whether the runs tell what a decay is worth, and which run would.

The decisive factor of a law is told where its profile is no plain: fixed at nothing, and at
``FACTOR`` times its value, with the others refitted, the law must fit clearly worse. (The exponents
inside its own term stay as they are: the multi-power law's can take over a factor's part, which
changes no prediction.) *Clearly* is a deviance above ``THRESHOLD`` (95 % of a χ² with one degree of
freedom), in which residuals below ``FLOOR`` count as that (no law of these is truer), and a run's
points are worth ``INDEPENDENT`` values. One schedule alone is refused whatever its profile: no run
can be left out to see whether the law holds for another, and that is what is asked.

Source of the method: Raue et al. 2009, *Structural and practical identifiability analysis … by
exploiting the profile likelihood*, Bioinformatics 25.
"""

from dataclasses import dataclass

import numpy as np

from midtrain_dagster.laws.decay.curve import Curve
from midtrain_dagster.laws.decay.fit import DELTA, FLOOR, INDEPENDENT, Data, Fit, fit_with, names
from midtrain_dagster.laws.decay.rates import Rates, schedules

THRESHOLD = 3.84
FACTOR = 4.0
GRID = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.5, 2.0, FACTOR)
"""Where a profile is computed, in units of the parameter's value."""


class NotIdentifiedError(ValueError):
    """The runs do not tell a parameter; the message says which, and what run would."""


@dataclass(frozen=True)
class Profile:
    """The deviance of a law along one parameter."""

    parameter: str
    value: float
    """Where the law fits best."""
    at: tuple[float, ...]
    deviance: tuple[float, ...]

    @property
    def is_told(self) -> bool:
        """Whether the parameter is neither nothing nor anything."""
        return min(self.deviance[0], self.deviance[-1]) > THRESHOLD


def profile(data: Data, fitted: Fit) -> Profile:
    """The profile of the law's decisive factor."""
    model, values = fitted.model, fitted.values
    value, kept = values[model.decisive], {name: values[name] for name in model.inside}
    scale = 1.0 if model.scale == "log" else float(data.losses.mean())
    points, runs = len(data.losses), len(data.curves)
    residuals = data.residuals(fitted.theta)[0]
    noise = max(float(np.median(np.abs(residuals))) / 0.6745, FLOOR * scale)
    # Huber's loss grows slower than squares: in units of its own noise it is a deviance.
    unit = max(noise, DELTA) * DELTA
    worth = INDEPENDENT * runs / points
    costs = [
        fit_with(data, {**kept, model.decisive: value * factor}, fitted.theta).cost
        for factor in GRID
    ]
    return Profile(
        model.decisive,
        value,
        tuple(value * factor for factor in GRID),
        tuple(max(0.0, 2 * (cost - fitted.cost) / unit * worth) for cost in costs),
    )


def refusal(data: Data, fitted: Fit, found: Profile) -> str | None:
    """Why nothing can be said of another schedule, and what run would change that; None: it can."""
    seen = schedules([curve.rates for curve in data.curves])
    if found.is_told and seen > 1:
        return None
    rise = min(found.deviance[0], found.deviance[-1])
    shape = (
        f"its profile rises by {rise:.2g}, but no run can be left out to see whether the law holds "
        "for another schedule"
        if found.is_told
        else f"its profile is flat: from {found.at[0]:.3g} to {found.at[-1]:.3g} the deviance "
        f"rises by {rise:.2g} ({THRESHOLD} would tell it)"
    )
    runs = "one schedule" if seen == 1 else f"{seen} schedules"
    names_of = ", ".join(curve.name for curve in data.curves)
    return (
        f"{found.parameter}, which says what a decay is worth, is not told by the {runs} of "
        f"{names_of}: {shape}. Add {missing_run(data, fitted)}"
    )


def missing_run(data: Data, fitted: Fit) -> str:
    """The run, of a few usual ones, that would tell most of the decisive factor: with which the
    Fisher information of it is the largest, all others unknown."""
    longest = max(data.curves, key=lambda curve: curve.rates.steps)
    found = {
        text: _information(data, fitted, _run_of(longest, rates))
        for text, rates in _candidates(longest.rates).items()
    }
    return max(found, key=lambda text: found[text])


def _candidates(rates: Rates) -> dict[str, Rates]:
    """Runs of as many steps as the longest that there is, by what they are called."""
    steps, peak, low = rates.steps, rates.peak, 0.1 * rates.peak
    plateau = rates.each.copy()
    plateau[rates.warmup :] = peak

    def decay(share: float) -> tuple[str, Rates]:
        begin = int(steps * (1 - share))
        each = np.concatenate((plateau[:begin], np.linspace(peak, low, steps - begin)))
        text = (
            f"a run of {steps:,} steps that is constant at {peak:.3g} and decays over its last "
            f"{share:.0%} to {low:.3g}, as a stage with the schedule "
            f"`Constant({peak:.3g}, {1 - share:.0%}) -> Decay({low:.3g})`"
        )
        return text, Rates(each, rates.warmup)

    constant = f"a run of {steps:,} steps that stays at {peak:.3g} to its end"
    return dict(map(decay, (0.1, 0.2, 0.4))) | {constant: Rates(plateau, rates.warmup)}


def _run_of(longest: Curve, rates: Rates) -> Curve:
    """A run that was not trained: its points alone."""
    points = np.linspace(max(rates.warmup, 1), rates.steps, 60)
    return Curve("", rates, points, np.ones(60), parameters=longest.parameters)


def _information(data: Data, fitted: Fit, run: Curve) -> float:
    """What is known of the decisive factor with one run more (the Schur complement)."""
    place = names(data.model).index(data.model.decisive)
    theta = fitted.theta.copy()
    # Of a factor that is nothing no run tells anything: it is put at what would be worth 1 %.
    more = Data.of(data.model, [run])
    values = np.abs(more.terms(np.exp(theta[len(data.model.factors) :]))[0][:, place]).max()
    if values == 0:
        return 0.0
    theta[place] = max(theta[place], np.log(0.01 * data.losses.mean() / values))
    rows = np.vstack(
        (data.residuals(theta)[1], more.residuals(theta)[1], data.priors.jacobian(len(theta)))
    )
    matrix = rows.T @ rows
    others = np.delete(np.arange(len(theta)), place)
    rest = matrix[np.ix_(others, others)]
    cross = matrix[others, place]
    return float(matrix[place, place] - cross @ np.linalg.lstsq(rest, cross, rcond=None)[0])
