"""Llama 3.1's scaling of RoPE (arXiv 2407.21783 has ABF alone; the scaling came with the release
of 3.1, and transformers calls it ``llama3``).

By wavelength: one that fits into the original window fewer than ``low_freq_factor`` times is
stretched by ``factor``, one that fits more than ``high_freq_factor`` times is kept, and between
them the frequency is interpolated. Unlike YaRN it ramps over turns and not over dimensions, and has
no attention factor.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from midtrain_dagster.training.rope.method import Factor, RopeError, RopeMethod, base

VERSION = 1

TURNS = {"low_freq_factor": 1.0, "high_freq_factor": 4.0}
"""Those of the release."""


class Llama3(RopeMethod):
    """Divides by ``factor`` the frequencies that turn less than ``low_freq_factor`` times within
    ``original_length``, keeps those that turn more than ``high_freq_factor`` times, and
    interpolates between."""

    method: Literal["llama3"] = "llama3"
    factor: Factor
    """How many times longer the window is than before any scaling."""
    original_length: Annotated[int, Field(ge=1)]
    """Tokens of the window before any scaling."""
    low_freq_factor: Annotated[float, Field(gt=0)] = TURNS["low_freq_factor"]
    """Turns within the original window up to which a frequency is divided. A model that is scaled
    this way with other turns keeps its own."""
    high_freq_factor: Annotated[float, Field(gt=0)] = TURNS["high_freq_factor"]
    """Turns within the original window from which a frequency is kept; as above."""

    @model_validator(mode="after")
    def _turns_rise(self) -> Self:
        if self.high_freq_factor <= self.low_freq_factor:
            raise ValueError(
                f"high_freq_factor {self.high_freq_factor:g} is not above low_freq_factor "
                f"{self.low_freq_factor:g}: frequencies that turn high_freq_factor times are kept, "
                "those that turn low_freq_factor times are divided"
            )
        return self

    def parameters(self, present: dict[str, Any], size: int) -> dict[str, Any]:
        """All of them, written out: transformers has no default for any."""
        return {
            "rope_type": "llama3",
            "rope_theta": base(present),
            "factor": self.factor,
            "original_max_position_embeddings": self.original_length,
            **{name: self._turns(name, present.get(name)) for name in TURNS},
        }

    def scaled(self, divisor: int) -> Self:
        """The original window is a length, so it shrinks too, as windows do."""
        length = max(2, self.original_length // divisor)
        return self.model_copy(update={"original_length": length})

    def _turns(self, name: str, own: float | None) -> float:
        said: float = getattr(self, name)
        if own is None or said == own:
            return said
        if said != TURNS[name]:
            raise RopeError(
                f"the model's own config says {name}: {own:g}, and its frequencies would jump: say "
                f"{name}: {own:g} instead of {said:g}, or leave it out"
            )
        return float(own)
