"""The annealing law: ``L = L₀ + A·S₁^-alpha - C·S₂``.

Source: Tissue, Wang, Wang 2024, *Scaling Law with Learning Rate Annealing* (arXiv 2408.11029),
equation 1 and section 3. ``S₁`` is the sum of rates, ``S₂`` that of a momentum of how far they
fell: ``mᵢ = λmᵢ₋₁ + (ηᵢ₋₁ - ηᵢ)``, ``S₂ = Σmᵢ``. Fitted to log L by Huber's loss with δ = 1e-3, as
there. The trade-off: three factors and one exponent, which few points can tell; a fall is worth the
same at every rate, so a decay to nearly nothing is worth too much.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.laws.decay.curve import Curve
from midtrain_dagster.laws.decay.method import Prior, Scale
from midtrain_dagster.laws.decay.rates import Floats, Rates

VERSION = 1


class Config(FrozenModel):
    """The sum of rates, and a momentum of their falls (Tissue et al.)."""

    law: Literal["annealing"]
    momentum: float = Field(
        default=0.999,
        gt=0,
        lt=1,
        description="λ: what is left of a fall after a step; the paper has 0.99 to 0.999",
    )

    def model(self, curves: Sequence[Curve]) -> "Annealing":
        """As ``laws.decay.method`` says."""
        return Annealing(self.momentum)


class Annealing:
    """The law (``laws.decay.method.Model``)."""

    factors = ("L0", "A", "C")
    exponents = ("alpha",)
    decisive = "C"
    inside = ()
    farthest = (3.0,)
    priors: ClassVar[dict[str, Prior]] = {}
    scale: Scale = "log"
    sized = False
    deep = True

    def __init__(self, momentum: float) -> None:
        self.momentum = momentum

    def features(self, rates: Rates, points: Floats, parameters: int | None) -> Any:
        """``S₁`` and ``S₂`` at points."""
        return rates.sum_at(points), rates.momentum_at(points, self.momentum)

    def terms(self, exponents: Floats, features: Any) -> tuple[Floats, Floats]:
        """``1``, ``S₁^-alpha``, ``-S₂``."""
        total, momentum = features
        (alpha,) = exponents
        power = total**-alpha
        values = np.stack((np.ones_like(total), power, -momentum), axis=1)
        slopes = np.zeros((len(total), 3, 1))
        slopes[:, 1, 0] = -alpha * np.log(total) * power
        return values, slopes

    def guesses(self, curves: Sequence[Curve]) -> Floats:
        """Exponents from 0.1 to 2."""
        return np.geomspace(0.1, 2.0, 12)[:, None]
