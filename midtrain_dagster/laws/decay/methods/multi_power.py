"""The multi-power law: ``L = L₀ + A·S₁^-alpha - B·LD``, where ``LD`` is what the falls are worth.

Source: Luo et al. 2025, *A Multi-Power Law for Loss Curve Prediction Across Learning Rate
Schedules* (arXiv 2503.12811), section 3:
``LD = Σ (ηₖ₋₁ - ηₖ)(1 - (1 + C·ηₖ^-gamma·Sₖ)^-beta)``, ``Sₖ`` the sum of
rates from step k on. The warm-up is in both sums. Fitted to log L by Huber's loss with δ = 1e-3, as
there.

The reference stops after 200 steps of AdamW from C = 1, beta = gamma = 0.5. Followed to the
minimum, B and beta run away together (beta to 0, B to 10⁹), which fits the curves at hand a little
better and others worse. In the place of an early stop the three have a prior: log-normal about the
reference's start, with a factor of e as its spread.

The trade-off: seven parameters, which take two schedules at least, one of them with a fall that the
run goes on after; then the most exact of the three.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any, ClassVar, Literal

import numpy as np

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.laws.decay.curve import Curve
from midtrain_dagster.laws.decay.method import Prior, Scale
from midtrain_dagster.laws.decay.rates import Floats, Rates

VERSION = 1


class Config(FrozenModel):
    """What each fall of the rate is worth, as a power law of what came after it (Luo et al.)."""

    law: Literal["multi_power"]

    def model(self, curves: Sequence[Curve]) -> "MultiPower":
        """As ``laws.decay.method`` says."""
        return MultiPower()


class MultiPower:
    """The law (``laws.decay.method.Model``)."""

    factors = ("L0", "A", "B")
    exponents = ("alpha", "C", "beta", "gamma")
    decisive = "B"
    inside = ("C", "beta", "gamma")
    farthest = (3.0, 20.0, 3.0, 3.0)
    priors: ClassVar[dict[str, Prior]] = {
        "C": Prior(1.0, 1.0),
        "beta": Prior(0.5, 1.0),
        "gamma": Prior(0.5, 1.0),
    }
    scale: Scale = "log"
    sized = False
    deep = True

    def features(self, rates: Rates, points: Floats, parameters: int | None) -> Any:
        """The sums of rates at points, and the falls."""
        return rates.sum_at(points), rates.falls

    def terms(self, exponents: Floats, features: Any) -> tuple[Floats, Floats]:
        """``1``, ``S₁^-alpha``, ``-LD``."""
        from midtrain_dagster.laws.decay.falls_kernel import falls_sum

        total, falls = features
        alpha, c, beta, gamma = exponents
        power = total**-alpha
        worth, by = falls_sum(total, falls.size, falls.rate, falls.begin, c, beta, gamma)
        values = np.stack((np.ones_like(total), power, -worth), axis=1)
        slopes = np.zeros((len(total), 3, 4))
        slopes[:, 1, 0] = -alpha * np.log(total) * power
        slopes[:, 2, 1:] = -by
        return values, slopes

    def guesses(self, curves: Sequence[Curve]) -> Floats:
        """alpha, beta and gamma on the paper's scale; C so that a run's second half makes 1 to 100
        of ``C·η^-gamma·S``."""
        peak = max(curve.rates.peak for curve in curves)
        half = max(curve.rates.sums[-1] for curve in curves) / 2
        return np.array(
            [
                (alpha, grown / half * peak**gamma, beta, gamma)
                for alpha, grown, beta, gamma in product(
                    (0.25, 0.5, 1.0), (1.0, 10.0, 100.0), (0.3, 0.6, 1.0), (0.3, 0.6, 1.0)
                )
            ]
        )
