"""YaRN (Peng et al. 2023, arXiv 2309.00071)."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field

from midtrain_dagster.training.rope.method import Factor, RopeMethod, base

VERSION = 1


class Yarn(RopeMethod):
    """Divides by ``factor`` the frequencies that turn less than ``beta_slow`` times within
    ``original_length``, keeps those that turn more than ``beta_fast`` times, and ramps between; cos
    and sin are multiplied by ``attention_factor`` (default: 0.1 ln factor + 1)."""

    method: Literal["yarn"] = "yarn"
    factor: Factor
    """How many times longer the window is than before any scaling."""
    original_length: Annotated[int, Field(ge=1)]
    """Tokens of the window before any scaling."""
    beta_fast: float = 32.0
    """Turns within the original window from which a frequency is kept."""
    beta_slow: float = 1.0
    """Turns within the original window up to which a frequency is divided."""
    attention_factor: float | None = None
    """What cos and sin are multiplied by; null: 0.1 ln factor + 1."""

    def parameters(self, present: dict[str, Any], size: int) -> dict[str, Any]:
        """All of YaRN's, written out; the attention factor where it is not the default."""
        parameters = {
            "rope_type": "yarn",
            "rope_theta": base(present),
            "factor": self.factor,
            "original_max_position_embeddings": self.original_length,
            "beta_fast": self.beta_fast,
            "beta_slow": self.beta_slow,
        }
        if self.attention_factor is not None:
            parameters["attention_factor"] = self.attention_factor
        return parameters

    def scaled(self, divisor: int) -> Self:
        """The original window is a length, so it shrinks too."""
        length = max(1, self.original_length // divisor)
        return self.model_copy(update={"original_length": length})
