"""RegMix's rules: Dirichlet draws around a flattened prior, of many strengths.

Liu et al. 2024, *RegMix* (arXiv 2407.01492, section 3.1), with the constants of their script
(``mixture_config/synthesize_mixture.py``): the prior to the power 0.5, strengths from 0.1 to 5 in
15 steps of equal ratio, no share above 15 times the prior, shares below 2e-4 left out. They draw a
hundred times as many as they want, leave out those that come twice, and choose among them; to take
the first that is not rejected draws from the same distribution, and leaves the others where they
are when one is drawn more.
"""

from typing import Literal

import numpy as np
from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.experiments.draws.method import Floats, Wanted, dirichlet, floored, one_by_one

VERSION = 1

STRENGTHS = 15


class Config(FrozenModel):
    """Dirichlet draws around the prior, as RegMix's."""

    draw: Literal["regmix"] = "regmix"
    temperature: float = Field(
        default=0.5, gt=0, le=1, description="The power of the prior: 1 leaves it, less flattens it"
    )
    weakest: float = Field(
        default=0.1, gt=0, description="The least strength: mixtures of nearly one domain"
    )
    strongest: float = Field(
        default=5.0, gt=0, description="The greatest strength: mixtures near the prior"
    )
    most: float = Field(
        default=15.0, gt=0, description="The greatest share of a domain, as a multiple of its prior"
    )
    least: float = Field(
        default=2e-4, gt=0, lt=0.5, description="The share below which a domain is left out"
    )

    def shares(self, wanted: Wanted) -> Floats:
        """As ``draws.method`` says."""
        return one_by_one(wanted, self._candidate)

    def _candidate(self, generator: np.random.Generator, wanted: Wanted) -> Floats:
        flattened = wanted.prior**self.temperature
        strengths = np.geomspace(self.weakest, self.strongest, STRENGTHS)
        drawn = dirichlet(generator, flattened / flattened.sum(), strengths)
        if (drawn > np.minimum(self.most * wanted.prior, 1.0)).any():
            return np.zeros_like(drawn)
        return floored(drawn, self.least)
