"""YaRN (Peng et al. 2023, arXiv 2309.00071).

What a model's own YaRN says beyond the factor (``mscale`` and ``truncate``, turns and an attention
factor of its own) stays as it was learnt when its factor grows. The recipe may repeat it; another
value would move every angle at once, and is refused.
"""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from midtrain_dagster.training.rope.method import Factor, RopeError, RopeMethod, base

VERSION = 2

TURNS = {"beta_fast": 32.0, "beta_slow": 1.0}
"""The paper's, for models of Llama's kind (section 3.2)."""

TEMPERATURES = ("mscale", "mscale_all_dim")
"""From these two transformers derives the attention factor of a model that says both."""


class Yarn(RopeMethod):
    """Divides by ``factor`` the frequencies that turn less than ``beta_slow`` times within
    ``original_length``, keeps those that turn more than ``beta_fast`` times, and ramps between; cos
    and sin are multiplied by ``attention_factor`` (default: 0.1 ln factor + 1)."""

    method: Literal["yarn"] = "yarn"
    factor: Factor
    """How many times longer the window is than before any scaling."""
    original_length: Annotated[int, Field(ge=1)]
    """Tokens of the window before any scaling."""
    beta_fast: Annotated[float, Field(gt=0)] = TURNS["beta_fast"]
    """Turns within the original window from which a frequency is kept. A model that is scaled by
    YaRN with other turns keeps its own."""
    beta_slow: Annotated[float, Field(gt=0)] = TURNS["beta_slow"]
    """Turns within the original window up to which a frequency is divided; as above."""
    attention_factor: Annotated[float | None, Field(gt=0)] = None
    """What cos and sin are multiplied by; null: what the model says, or 0.1 ln factor + 1."""

    @model_validator(mode="after")
    def _ramp_rises(self) -> Self:
        _check_turns(self.beta_fast, self.beta_slow)
        return self

    def parameters(self, present: dict[str, Any], size: int) -> dict[str, Any]:
        """All of YaRN's, written out; the attention factor where it is not derived."""
        turns = {name: self._turns(name, present.get(name)) for name in TURNS}
        try:
            _check_turns(**turns)
        except ValueError as error:
            raise RopeError(str(error)) from error
        parameters = {
            "rope_type": "yarn",
            "rope_theta": base(present),
            "factor": self.factor,
            "original_max_position_embeddings": self.original_length,
            **turns,
        }
        attention = self._attention(present)
        if attention is not None:
            parameters["attention_factor"] = attention
        _check_ramp(parameters, size, rounded=bool(present.get("truncate", True)))
        return parameters

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

    def _attention(self, present: dict[str, Any]) -> float | None:
        """The factor of cos and sin that is written down; None: derived from what else is."""
        own = present.get("attention_factor")
        said = self.attention_factor
        if said is not None and all(present.get(name) for name in TEMPERATURES):
            raise RopeError(
                f"the model's own config says mscale: {present['mscale']:g} and mscale_all_dim: "
                f"{present['mscale_all_dim']:g}, from which its attention factor follows: leave "
                "attention_factor out"
            )
        if own is None or said == own:
            return said
        if said is None:
            derived = math.isclose(own, default_attention(present.get("factor")), rel_tol=1e-6)
            return None if derived else float(own)
        if present.get("factor") == self.factor:
            raise RopeError(
                f"the model's own config says attention_factor: {own:g} at the same factor: say "
                f"attention_factor: {own:g} instead of {said:g}, or leave it out"
            )
        return said


def default_attention(factor: float | None) -> float:
    """The paper's factor of cos and sin (equation 22)."""
    return 0.1 * math.log(factor) + 1 if factor and factor > 1 else 1.0


def _check_turns(beta_fast: float, beta_slow: float) -> None:
    """Raise ``ValueError`` where no ramp lies between the turns."""
    if beta_fast <= beta_slow:
        raise ValueError(
            f"beta_fast {beta_fast:g} is not above beta_slow {beta_slow:g}: frequencies that turn "
            "beta_fast times are kept, those that turn beta_slow times are divided "
            f"(the paper's: {TURNS['beta_fast']:g} and {TURNS['beta_slow']:g})"
        )


def _check_ramp(parameters: dict[str, Any], size: int, *, rounded: bool) -> None:
    """Raise ``RopeError`` for an original window so short that even the highest frequency turns
    less than ``beta_slow`` times in it: transformers' ramp would then keep them all."""
    original, slow = parameters["original_max_position_embeddings"], parameters["beta_slow"]
    turning = size * math.log(original / (2 * math.pi * slow))
    end = turning / (2 * math.log(parameters["rope_theta"]))
    if (math.ceil(end) if rounded else end) < 0:
        raise RopeError(
            f"original_length {original} is too short for YaRN: no frequency turns {slow:g} times "
            "within it, and none would be divided"
        )
