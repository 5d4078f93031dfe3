"""PI: position interpolation (Chen et al. 2023, arXiv 2306.15595).

transformers reads of it the factor alone. The window that it counts from is written at the top of
the config (``original_max_position_embeddings``), for a further extension to count from.
"""

from typing import Any, Literal

from midtrain_dagster.training.rope.method import Factor, RopeMethod, base

VERSION = 2


class PositionInterpolation(RopeMethod):
    """Every frequency divided by ``factor``."""

    method: Literal["linear"] = "linear"
    factor: Factor
    """What every frequency is divided by: how many times longer the window is than before
    any scaling."""

    def parameters(self, present: dict[str, Any], size: int) -> dict[str, Any]:
        """The present base, and the factor."""
        return {"rope_type": "linear", "rope_theta": base(present), "factor": self.factor}
