"""ABF: adjusted base frequency (Xiong et al. 2023, arXiv 2309.16039)."""

from typing import Annotated, Any, Literal

from pydantic import Field

from midtrain_dagster.training.rope.method import RopeMethod

VERSION = 2


class AdjustedBase(RopeMethod):
    """Another base; nothing else changes."""

    method: Literal["abf"] = "abf"
    base: Annotated[float, Field(gt=1)]
    """The new base of the rotation's frequencies."""

    def parameters(self, present: dict[str, Any], size: int) -> dict[str, Any]:
        """The base that the recipe says."""
        return {"rope_type": "default", "rope_theta": self.base}
