"""RegMix: gradient-boosted trees (LightGBM), one model a target.

From Liu et al. 2024, arXiv 2407.01492, section 3.2, with the settings of sail-sg/regmix: rate 0.01,
at most 1,000 trees, stopped when the loss has not improved for 3. Its notebook stops early on the
rows that it then predicts; here a tenth of the training proxies is drawn by the seed to stop on,
and the model is then fitted to all of them with as many trees, so no row that is predicted is ever
seen. Trees take any shape of law, need many proxies, and know nothing beyond the mixtures that were
tried: their best mixture is simulated, not solved (``proposal``).
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

import numpy as np

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.laws.mixing.method import Array, require_enough

VERSION = 1

TREES = 1000
RATE = 0.01
PATIENCE = 3
HELD_BACK = 0.1
"""Of the training proxies, to stop on."""
LEAF = 20
"""Proxies that a leaf has at least, LightGBM's default: with fewer than two such leaves no tree
divides anything."""


@dataclass(frozen=True)
class Trees:
    """Trees, and how many of them it took."""

    booster: Any
    trees: int
    converged: bool
    """Whether it was stopped before the last tree."""

    def predict(self, mixtures: Array) -> Array:
        """As ``laws.mixing.method`` says."""
        return np.asarray(self.booster.predict(mixtures, num_threads=1), np.float64)


class Config(FrozenModel):
    """Gradient-boosted trees (RegMix): any shape, of many proxies."""

    law: Literal["regmix"]

    def parameters(self, domains: int) -> int:
        """So many proxies that a tree can be divided once, beside those that it is stopped on."""
        return int(np.ceil(2 * LEAF / (1 - HELD_BACK)))

    def fit(
        self, mixtures: Array, losses: Array, *, own: int | None = None, seed: int = 0
    ) -> Trees:
        """As ``laws.mixing.method`` says."""
        require_enough(self, mixtures)
        lightgbm = _library()
        order = np.random.default_rng(seed).permutation(len(losses))
        held_back = max(1, int(len(losses) * HELD_BACK))
        stop_on, rest = order[:held_back], order[held_back:]
        scouted = lightgbm.train(
            _SETTINGS,
            lightgbm.Dataset(mixtures[rest], losses[rest]),
            TREES,
            valid_sets=[lightgbm.Dataset(mixtures[stop_on], losses[stop_on])],
            callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
        )
        trees = scouted.best_iteration
        booster = lightgbm.train(_SETTINGS, lightgbm.Dataset(mixtures, losses), trees)
        return Trees(booster, trees, trees < TREES)


def _library() -> ModuleType:
    """LightGBM. Raises OSError, saying what to do, where the system lacks OpenMP's library."""
    try:
        import lightgbm
    except OSError as error:
        raise OSError(
            f"law regmix: LightGBM does not load ({error}): install libgomp1, or take another law"
        ) from error
    return lightgbm


_SETTINGS: dict[str, Any] = {
    "objective": "regression",
    "metric": "l2",
    "learning_rate": RATE,
    "min_data_in_leaf": LEAF,
    "seed": 42,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
