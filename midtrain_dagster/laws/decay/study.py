"""A law fitted to runs, with all that an answer has to say of itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from midtrain_dagster.laws.decay import held_out as held_out_errors
from midtrain_dagster.laws.decay.curve import Curve, binned
from midtrain_dagster.laws.decay.fit import Data, Fit, fit
from midtrain_dagster.laws.decay.held_out import HeldOutError
from midtrain_dagster.laws.decay.identifiability import (
    NotIdentifiedError,
    Profile,
    profile,
    refusal,
)
from midtrain_dagster.laws.decay.method import DecayLaw
from midtrain_dagster.laws.decay.uncertainty import DRAWS, Draws, draws

VERSION = 1
"""Of all that a study is made with: averaging, fit, draws, profile, left-out runs."""


@dataclass(frozen=True)
class Study:
    """A law, the runs it was fitted to, and what is known of its parameters."""

    law: DecayLaw
    data: Data
    fitted: Fit
    drawn: Draws
    profile: Profile
    errors: HeldOutError
    refused: str | None
    """Why it says nothing of another schedule; None: it does."""

    @property
    def curves(self) -> tuple[Curve, ...]:
        """The runs."""
        return self.data.curves

    @property
    def lowest(self) -> float:
        """The lowest rate that a run had after its warm-up: below, the law was never tried."""
        return min(curve.rates.lowest for curve in self.curves)

    @property
    def sizes(self) -> list[int]:
        """The sizes of model that were seen, if they are known."""
        known = {curve.parameters for curve in self.curves}
        return sorted(size for size in known if size is not None)

    def require_answers(self) -> None:
        """Raise :class:`NotIdentifiedError` where the runs do not tell what a decay is worth."""
        if self.refused is not None:
            raise NotIdentifiedError(self.refused)


def study(law: DecayLaw, curves: Sequence[Curve], *, count: int = DRAWS) -> Study:
    """Fit a law to runs (their noise is averaged here), with ``count`` draws of a bootstrap.

    Raises ``LogError`` where the runs lack what the law needs.
    """
    averaged = [binned(curve) for curve in curves]
    model = law.model(averaged)
    data = Data.of(model, averaged)
    fitted = fit(data)
    found = profile(data, fitted)
    return Study(
        law=law,
        data=data,
        fitted=fitted,
        drawn=draws(data, fitted, count),
        profile=found,
        errors=held_out_errors.held_out(law, averaged),
        refused=refusal(data, fitted, found),
    )
