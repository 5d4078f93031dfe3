"""How wrong a law is on a run that it was not fitted to: each run left out in turn.

A run without which the rest does not tell what a decay is worth cannot be left out: the law without
it is not one that would be used (``identifiability``). It is counted, and no error is made up for
it. A run whose schedule another run begins with shows nothing of its own, and the two are left out
together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from midtrain_dagster.laws.decay.curve import Curve
from midtrain_dagster.laws.decay.fit import Data, fit, predict
from midtrain_dagster.laws.decay.identifiability import profile
from midtrain_dagster.laws.decay.method import DecayLaw
from midtrain_dagster.laws.decay.rates import same_schedule


@dataclass(frozen=True)
class LeftOut:
    """What the law, fitted to the other runs, says of one."""

    run: str
    mean: float | None
    """The mean of |predicted / measured - 1| over its points; None: it cannot be left out."""
    worst: float | None
    end: float | None
    """predicted / measured - 1 at its last points (their mean)."""


@dataclass(frozen=True)
class HeldOutError:
    """The errors of all runs that could be left out."""

    runs: tuple[LeftOut, ...]

    @property
    def known(self) -> list[LeftOut]:
        """Those that could be left out."""
        return [each for each in self.runs if each.mean is not None]

    @property
    def mean(self) -> float | None:
        """The mean over runs of their mean error; None where none could be left out."""
        means = [each.mean for each in self.known if each.mean is not None]
        return float(np.mean(means)) if means else None

    @property
    def worst(self) -> float | None:
        """The worst error of any point."""
        return max((each.worst for each in self.known if each.worst is not None), default=None)

    @property
    def ends(self) -> list[float]:
        """The errors at the runs' ends, which is where answers are asked for."""
        return [each.end for each in self.known if each.end is not None]


ENDS = 10
"""One in how many of a run's points are its last ones."""


def held_out(law: DecayLaw, curves: Sequence[Curve]) -> HeldOutError:
    """Leave each run out."""
    return HeldOutError(tuple(_left_out(law, curves, curve) for curve in curves))


def _left_out(law: DecayLaw, curves: Sequence[Curve], curve: Curve) -> LeftOut:
    others = [each for each in curves if not _is_same(each, curve)]
    nothing = LeftOut(curve.name, None, None, None)
    if not others:
        return nothing
    model = law.model(others)
    data = Data.of(model, others)
    fitted = fit(data)
    if not profile(data, fitted).is_told:
        return nothing
    if curve.parameters not in {each.parameters for each in others} and not model.sized:
        return nothing
    predicted = predict(model, fitted.theta, curve.rates, curve.points, curve.parameters)
    errors = predicted / curve.losses - 1
    last = max(1, len(errors) // ENDS)
    return LeftOut(
        curve.name,
        float(np.abs(errors).mean()),
        float(np.abs(errors).max()),
        float(errors[-last:].mean()),
    )


def _is_same(one: Curve, other: Curve) -> bool:
    return one.parameters == other.parameters and same_schedule(one.rates, other.rates)
