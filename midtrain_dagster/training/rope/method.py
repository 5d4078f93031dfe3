"""What every way of changing positions offers."""

from abc import abstractmethod
from typing import Annotated, Any, Self

from pydantic import Field

from midtrain_dagster.core.frozen_model import FrozenModel
from midtrain_dagster.training.inherit import TransitionError

Factor = Annotated[float, Field(gt=1)]


class RopeError(TransitionError):
    """A model's config that this method cannot be applied to."""


class RopeMethod(FrozenModel):
    """What is done to RoPE's frequencies when windows grow."""

    @abstractmethod
    def parameters(self, present: dict[str, Any], size: int) -> dict[str, Any]:
        """``rope_parameters`` of transformers, in place of the ``present`` ones.

        ``size`` is how many components of a head are rotated. Raises :class:`RopeError` where the
        present ones say otherwise.
        """

    def scaled(self, divisor: int) -> Self:
        """The same method where every length of the recipe is divided by ``divisor``."""
        return self


def base(present: dict[str, Any]) -> float:
    """RoPE's base frequency in a model's parameters."""
    return float(present["rope_theta"])
