"""olmix's rules: Dirichlet draws around the prior, bounded by how often the target run repeats.

Ai2 2026, *olmix* (arXiv 2602.12237), with the constants of its ``generate/synthesize_mixture.py``:
strengths from 0.1 to 5 in 15 steps of equal ratio, shares below 0.002 left out, and none with which
the target run would read a domain more than five times. Where no target run is known
(``repeat``), nothing bounds the shares. Their two levels, sources and topics, are one here: bands
and domains are weighed alike.
"""

from typing import Literal

import numpy as np
from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.experiments.draws.method import Floats, Wanted, dirichlet, floored, one_by_one

VERSION = 1

STRENGTHS = 15


class Config(FrozenModel):
    """Dirichlet draws around the prior within what may be repeated, as olmix's."""

    draw: Literal["olmix"]
    temperature: float = Field(
        default=1.0, gt=0, le=1, description="The power of the prior: 1 leaves it, less flattens it"
    )
    weakest: float = Field(
        default=0.1, gt=0, description="The least strength: mixtures of nearly one domain"
    )
    strongest: float = Field(
        default=5.0, gt=0, description="The greatest strength: mixtures near the prior"
    )
    most_epochs: float = Field(
        default=5.0, gt=0, description="How often the target run may read a domain's documents"
    )
    least: float = Field(
        default=2e-3, gt=0, lt=0.5, description="The share below which a domain is left out"
    )

    def shares(self, wanted: Wanted) -> Floats:
        """As ``draws.method`` says."""
        return one_by_one(wanted, self._candidate)

    def _candidate(self, generator: np.random.Generator, wanted: Wanted) -> Floats:
        flattened = wanted.prior**self.temperature
        strengths = np.geomspace(self.weakest, self.strongest, STRENGTHS)
        drawn = floored(dirichlet(generator, flattened / flattened.sum(), strengths), self.least)
        return np.zeros_like(drawn) if (drawn > self.most_epochs * wanted.once).any() else drawn
