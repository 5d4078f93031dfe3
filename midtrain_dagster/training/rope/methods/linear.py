"""PI: position interpolation (Chen et al. 2023, arXiv 2306.15595)."""

from typing import Any, Literal

from midtrain_dagster.training.rope.method import Factor, RopeMethod, base

VERSION = 1


class PositionInterpolation(RopeMethod):
    """Every frequency divided by ``factor``."""

    method: Literal["linear"] = "linear"
    factor: Factor
    """What every frequency is divided by: how many times longer the window is than before
    any scaling."""

    def parameters(self, present: dict[str, Any], size: int) -> dict[str, Any]:
        """The present base, and the factor."""
        return {"rope_type": "linear", "rope_theta": base(present), "factor": self.factor}
