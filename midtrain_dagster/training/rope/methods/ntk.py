"""NTK-aware scaling (bloc97, 2023).

transformers has no static NTK; as it changes the base alone, it is written down as a new base.
"""

from typing import Any, Literal

from midtrain_dagster.training.rope.method import Factor, RopeMethod, base

VERSION = 1


class NtkAware(RopeMethod):
    """base * factor^(d/(d-2)), which leaves the highest frequency as it is."""

    method: Literal["ntk"] = "ntk"
    factor: Factor
    """How many times longer the window gets."""

    def parameters(self, present: dict[str, Any], size: int) -> dict[str, Any]:
        """A larger base."""
        larger = base(present) * self.factor ** (size / (size - 2))
        return {"rope_type": "default", "rope_theta": larger}
