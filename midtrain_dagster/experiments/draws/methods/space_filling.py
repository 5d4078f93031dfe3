"""Mixtures spread evenly over the simplex: a shifted Sobol sequence, mapped.

A point of the unit cube becomes a mixture by the exponential quantiles of its coordinates, divided
by their sum: uniform points become uniform on the simplex (Devroye 1986, *Non-Uniform Random
Variate Generation*, chapter XI, section 4). Sobol' 1967 fills the cube; the sequence is shifted by
a draw of the seed in each domain (Cranley and Patterson 1976), so that no mixture lies on the
border. Nothing of it knows the prior: what nature has little of is looked at as closely as the
rest, and a law sees every corner of the simplex. A domain's coordinate is that of its place in the
recipe, so one that is appended moves no other.
"""

from typing import Literal

import numpy as np

from midtrain_dagster.core.draws import key
from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.experiments.draws.method import Floats, Wanted, rounded

VERSION = 1


class Config(FrozenModel):
    """Mixtures that fill the simplex evenly, whatever the prior."""

    draw: Literal["space_filling"]

    def shares(self, wanted: Wanted) -> Floats:
        """As ``draws.method`` says."""
        from scipy.stats import qmc

        sequence = qmc.Sobol(wanted.dimensions, scramble=False)
        # The first point is the origin; every coordinate of the others is of its dimension alone.
        sequence.fast_forward(wanted.first + 1)
        points = sequence.random(len(wanted.present))
        starts = (key("shift", wanted.seed, each) for each in range(wanted.dimensions))
        shift = np.array([np.random.Generator(np.random.PCG64(each)).random() for each in starts])
        coordinates = np.clip((points + shift) % 1.0, 1e-12, 1 - 1e-12)
        drawn = np.where(wanted.present, -np.log(coordinates), 0.0)
        return rounded(drawn)
